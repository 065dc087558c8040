#ifndef RESPROBE_CORE_PERSISTENCE_RDB_H_
#define RESPROBE_CORE_PERSISTENCE_RDB_H_

#include <string>
#include <string_view>

#include "core/keyspace/keyspace.h"

namespace resprobe {

// An RDB file with all keys of all databases (redis 7.0 rdb.c), in the plainest encoding of each
// type: any server of that RDB version or a later one loads it. It has no auxiliary fields, and its
// checksum is 0, which means that there is none. `version`: 10 for redis 7.0, 11 for valkey 8.0.
void AppendRdb(const Keyspace& keyspace, int version, std::string* rdb);

// Replaces all keys by those of a file that AppendRdb() has written. The keyspace's observer is
// notified once, of the flush. False if the file ends early, or contains an encoding that
// AppendRdb() does not write; the keyspace then holds the keys before that point.
bool LoadRdb(std::string_view rdb, Keyspace* keyspace);

}  // namespace resprobe

#endif  // RESPROBE_CORE_PERSISTENCE_RDB_H_
