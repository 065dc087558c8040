#ifndef RESPROBE_CORE_COMMANDS_SCAN_NAMES_H_
#define RESPROBE_CORE_COMMANDS_SCAN_NAMES_H_

#include <cstddef>
#include <cstdint>

#include "core/keyspace/dict.h"
#include "core/table/command.h"

namespace resprobe {

// HSCAN, SSCAN and ZSCAN: performs one step over a collection, calls keep(entry) for each entry to
// return, and begins the reply with the header and the next cursor. The caller writes the array of
// elements.
//
// As on a server, a collection in its compact encoding (`whole`) is returned in one step, whatever
// COUNT and the cursor are.
template <class Value, class Keep>
void BeginScanReply(CommandContext& c, const Dict<Value>& entries, bool whole, uint64_t cursor,
                    const CommandContext::ScanOptions& options, Keep&& keep) {
  if (whole) cursor = 0;
  const uint64_t count = whole ? entries.size() : static_cast<uint64_t>(options.count);
  const uint64_t next = entries.Scan(cursor, count, [&](const auto& entry) {
    if (options.Wants(entry.key)) keep(entry);
  });
  c.reply.ArrayHeader(2);
  c.reply.BulkInteger(static_cast<int64_t>(next));
}

// The reply for a missing key.
inline void EmptyScanReply(CommandContext& c) {
  c.reply.ArrayHeader(2);
  c.reply.BulkString("0");
  c.reply.ArrayHeader(0);
}

}  // namespace resprobe

#endif  // RESPROBE_CORE_COMMANDS_SCAN_NAMES_H_
