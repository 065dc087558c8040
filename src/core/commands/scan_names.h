#ifndef RESPROBE_CORE_COMMANDS_SCAN_NAMES_H_
#define RESPROBE_CORE_COMMANDS_SCAN_NAMES_H_

#include <cstddef>
#include <cstdint>

#include "core/commands/command.h"
#include "core/keyspace/dict.h"

namespace resprobe {

// HSCAN, SSCAN and ZSCAN: one step over the names of a collection, which leaves in c.views those
// that the reply shows, and begins the reply: the header, and the cursor to go on with. The array
// of the elements is the caller's to write.
//
// As on a server, a collection in its compact encoding (`whole`) comes in one step, whatever COUNT
// and the cursor say.
template <class Value>
void BeginScanReply(CommandContext& c, const Dict<Value>& names, bool whole, uint64_t cursor,
                    const CommandContext::ScanOptions& options) {
  c.views.clear();
  const uint64_t next =
      names.Scan(whole ? 0 : cursor, whole ? names.size() : static_cast<uint64_t>(options.count),
                 [&](const auto& entry) {
                   if (options.Wants(entry.key)) c.views.push_back(entry.key);
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
