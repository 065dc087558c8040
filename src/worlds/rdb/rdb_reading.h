#ifndef RESPROBE_WORLDS_RDB_RDB_READING_H_
#define RESPROBE_WORLDS_RDB_RDB_READING_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/keyspace/keyspace.h"
#include "worlds/rdb/rdb_tape.h"

namespace resprobe {

// A second reading of RDB files and DUMP payloads, by the formats that docs/rdb.md names. It shares
// no code with the core's reader: it copies every value, and is as strict as a server that checks
// deeply (sanitize-dump-payload yes).
struct RdbReading {
  struct Value {
    ObjectType type = ObjectType::kNone;
    std::string text = {};               // of a string
    std::vector<std::string> list = {};  // of a list
    // Members of a set, fields and values of a hash, members of a sorted set.
    std::map<std::string, std::string> fields = {};
    std::map<std::string, double> scores = {};
    int64_t expire_at = kNoExpiry;
    int64_t idle_s = -1;  // -1: not stored
  };
  // A database and a key; of a payload database 0 and the empty key.
  std::map<std::pair<int, std::string>, Value> values;
  // Of all lists: the smallest element that is a node of its own, and the largest in a packed one.
  size_t least_plain = SIZE_MAX;
  size_t most_packed = 0;
  // What is wrong; empty if nothing is, and then everything above must be loaded.
  std::string wrong;
  // What is wrong is seen only by the deep check: without it a server may load the bytes.
  bool only_deep = false;
};

// `now_ms`: keys of a file that have expired before are dropped. `databases`: as many as there are.
RdbReading ReadRdb(const RdbTape& tape, int64_t now_ms, int databases);

// Empty if the keyspace has exactly the keys of the reading; otherwise what differs. `key`: the key
// to which a payload was read; empty for a file.
std::string Difference(const RdbReading& reading, const Keyspace& keyspace, std::string_view key);

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_RDB_RDB_READING_H_
