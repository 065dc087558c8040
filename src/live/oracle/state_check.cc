#include "live/oracle/state_check.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/persistence/rdb.h"

namespace resprobe::live {
namespace {

// By what the server has. Without FLUSHALL, only those keys are deleted that the case has named.
void DeleteAll(const Keyspace& keyspace, const OracleVerdict& verdict, RequestWriter* writer) {
  const ServerSurvey& survey = writer->survey();
  const bool select = writer->all_databases() && survey.Has("select");
  const auto ask = [&](std::vector<std::string> args) {
    if (verdict.going()) writer->Ask(std::move(args));
  };
  if (survey.Has("flushall")) {
    ask({"FLUSHALL"});
  } else {
    for (int db = 0; db < (select ? keyspace.databases() : 1); ++db) {
      if (select) ask({"SELECT", std::to_string(db)});
      if (survey.Has("flushdb")) {
        ask({"FLUSHDB"});
      } else if (survey.Has("del")) {
        for (const std::string& key : writer->named_keys()) ask({"DEL", key});
      }
    }
  }
  if (select) ask({"SELECT", "0"});
}

}  // namespace

void CheckState(const LiveServer& target, const Keyspace& keyspace, const OracleVerdict& verdict,
                RequestWriter* writer) {
  const ServerSurvey& survey = writer->survey();
  // `name` is the command's full name. False if the server lacks it.
  const auto ask = [&](std::string_view name, std::vector<std::string> args) {
    if (!survey.Has(name)) return false;
    if (verdict.going()) writer->Ask(std::move(args));
    return true;
  };
  if (writer->settings_changed() && !target.most_tracked().empty()) {
    ask("config|set", {"CONFIG", "SET", "tracking-table-max-keys", target.most_tracked()});
  }
  size_t expired = 0;
  const bool absolute = target.Has("pexpiretime") && survey.Has("pexpiretime");
  for (int db = 0; db < (writer->all_databases() ? keyspace.databases() : 1); ++db) {
    ask("select", {"SELECT", std::to_string(db)});
    if (!survey.KeepsKeys()) ask("dbsize", {"DBSIZE"});
    if (keyspace.KeyCount(db) == 0) continue;
    // The same number of keys, and each of the core's exists: the same keys, except for expired
    // ones.
    expired += keyspace.ExpiredCount(db);
    if (keyspace.ExpiredCount(db) > 0) ask("keys", {"KEYS", "*"});
    std::vector<std::string> keys;
    const Dict<Object>& dict = keyspace.keys(db);
    for (size_t i = 0; i < dict.size(); ++i) {
      if (!keyspace.Expired(dict.at(i).value)) keys.emplace_back(dict.at(i).key);
    }
    const auto read = [&](const std::string& key) {
      ask("type", {"TYPE", key});
      // Encodings are redis's own.
      if (survey.redis()) ask("object|encoding", {"OBJECT", "ENCODING", key});
      if (absolute) {
        ask("pexpiretime", {"PEXPIRETIME", key});
      } else if (!ask("pttl", {"PTTL", key})) {
        ask("ttl", {"TTL", key});
      }
      const Object* object = keyspace.Peek(db, key);
      switch (object == nullptr ? ObjectType::kNone : object->type()) {
        case ObjectType::kString:
          ask("get", {"GET", key});
          break;
        case ObjectType::kList:
          ask("lrange", {"LRANGE", key, "0", "-1"});
          break;
        case ObjectType::kHash:
          ask("hgetall", {"HGETALL", key});
          break;
        case ObjectType::kSet:
          ask("smembers", {"SMEMBERS", key});
          break;
        case ObjectType::kZset:
          ask("zrange", {"ZRANGE", key, "0", "-1", "WITHSCORES"});
          break;
        default:
          break;
      }
    };
    for (const std::string& key : keys) read(key);
    // One of them as each dumps it, and as the core dumps it: both read the same from that.
    if (!survey.redis() || keys.empty()) continue;
    const std::string& dumped = keys[keyspace.dirty() % keys.size()];
    ask("dump", {"DUMP", dumped});
    // A server that is running may permit no DEBUG.
    if (target.own()) {
      ask("debug", {"DEBUG", "OBJECT", dumped});
      std::vector<std::string> digests = {"DEBUG", "DIGEST-VALUE"};
      digests.insert(digests.end(), keys.begin(), keys.end());
      ask("debug", std::move(digests));
    }
    const Object* object = keyspace.Peek(db, dumped);
    if (object == nullptr || object->expire_at() != kNoExpiry) continue;
    std::string payload;
    AppendDumpPayload(*object, writer->profile(), /*compress=*/true, &payload);
    ask("restore", {"RESTORE", dumped, "0", std::move(payload), "REPLACE"});
    read(dumped);
  }
  // Keys that have expired count until they are deleted.
  if (survey.redis() && target.own() && expired == 0) ask("debug", {"DEBUG", "DIGEST"});
  // Keys that the core does not have, of a server that cannot count its keys.
  if (!survey.Has("dbsize") && !writer->all_databases()) {
    for (const std::string& key : writer->named_keys()) {
      if (keyspace.Peek(0, key) == nullptr && !ask("exists", {"EXISTS", key})) {
        ask("type", {"TYPE", key});
      }
    }
  }
  // A server clears errno before it parses a weight.
  if (writer->filter().out_of_range() && target.Has("zunion")) {
    ask("zunion", {"ZUNION", "1", "none", "WEIGHTS", "1"});
    writer->filter().ClearOutOfRange();
  }
  DeleteAll(keyspace, verdict, writer);
}

}  // namespace resprobe::live
