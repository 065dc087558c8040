#include "live/oracle/state_check.h"

#include <string>
#include <utility>
#include <vector>

namespace resprobe::live {

void CheckState(const LiveServer& target, const Keyspace& keyspace, const OracleVerdict& verdict,
                RequestWriter* writer) {
  const auto ask = [&](std::vector<std::string> args) {
    if (verdict.going()) writer->Ask(std::move(args));
  };
  if (writer->settings_changed() && !target.most_tracked().empty()) {
    ask({"CONFIG", "SET", "tracking-table-max-keys", target.most_tracked()});
  }
  const char* const time = target.Has("pexpiretime") ? "PEXPIRETIME" : "PTTL";
  for (int db = 0; db < (writer->all_databases() ? keyspace.databases() : 1); ++db) {
    ask({"SELECT", std::to_string(db)});
    ask({"DBSIZE"});
    if (keyspace.KeyCount(db) == 0) continue;
    // The same number of keys, and each of the core's exists: the same keys, except for expired
    // ones.
    if (keyspace.ExpiredCount(db) > 0) ask({"KEYS", "*"});
    std::vector<std::string> keys;
    const Dict<Object>& dict = keyspace.keys(db);
    for (size_t i = 0; i < dict.size(); ++i) {
      if (!keyspace.Expired(dict.at(i).value)) keys.emplace_back(dict.at(i).key);
    }
    for (const std::string& key : keys) {
      ask({"TYPE", key});
      ask({"OBJECT", "ENCODING", key});
      ask({time, key});
      const Object* object = keyspace.Peek(db, key);
      switch (object == nullptr ? ObjectType::kNone : object->type()) {
        case ObjectType::kString:
          ask({"GET", key});
          break;
        case ObjectType::kList:
          ask({"LRANGE", key, "0", "-1"});
          break;
        case ObjectType::kHash:
          ask({"HGETALL", key});
          break;
        case ObjectType::kSet:
          ask({"SMEMBERS", key});
          break;
        case ObjectType::kZset:
          ask({"ZRANGE", key, "0", "-1", "WITHSCORES"});
          break;
        default:
          break;
      }
    }
  }
  // A server clears errno before it parses a weight.
  if (writer->filter().out_of_range() && target.Has("zunion")) {
    ask({"ZUNION", "1", "none", "WEIGHTS", "1"});
    writer->filter().ClearOutOfRange();
  }
  ask({"FLUSHALL"});
  if (writer->all_databases()) ask({"SELECT", "0"});
}

}  // namespace resprobe::live
