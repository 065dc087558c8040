#ifndef RESPROBE_CORE_PERSISTENCE_AOF_REWRITE_H_
#define RESPROBE_CORE_PERSISTENCE_AOF_REWRITE_H_

#include <cstdint>
#include <string>

#include "core/keyspace/keyspace.h"
#include "core/table/profile.h"

namespace resprobe {

// Appends a base file in AOF format (redis 7.0 aof.c, rewriteAppendOnlyFileRio;
// aof-use-rdb-preamble no): for each database that has keys a SELECT, for each key the commands
// that make it, with at most 64 elements each, and PEXPIREAT. `timestamp`, in seconds: begins with
// a `#TS:` line (aof-timestamp-enabled); -1: without.
//
// Also writes keys that have expired, as the server does.
void AppendAofBase(const Keyspace& keyspace, Profile profile, int64_t timestamp, std::string* out);

}  // namespace resprobe

#endif  // RESPROBE_CORE_PERSISTENCE_AOF_REWRITE_H_
