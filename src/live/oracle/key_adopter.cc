#include "live/oracle/key_adopter.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <utility>

#include "core/table/command.h"
#include "core/table/numbers.h"
#include "live/oracle/request_log.h"

namespace resprobe::live {
namespace {

struct Reader {
  ObjectType type;
  const char* command;
  std::vector<std::string> after_key;
  bool pairs;
};

const Reader* ReaderOf(std::string_view type) {
  static const std::vector<Reader> kReaders = {
      {ObjectType::kString, "get", {}, false},
      {ObjectType::kList, "lrange", {"0", "-1"}, false},
      {ObjectType::kHash, "hgetall", {}, true},
      {ObjectType::kSet, "smembers", {}, false},
      {ObjectType::kZset, "zrange", {"0", "-1", "WITHSCORES"}, true},
  };
  const auto found = std::ranges::find_if(
      kReaders, [&](const Reader& one) { return ObjectTypeName(one.type) == type; });
  return found == kReaders.end() ? nullptr : &*found;
}

}  // namespace

KeyAdopter::KeyAdopter(LiveServer* target, const ServerSurvey* survey, Server* core,
                       const CaseClients* clients, const OracleVerdict* verdict)
    : survey_(survey),
      core_(core),
      clients_(clients),
      verdict_(verdict),
      probe_([target](std::string* why) { return target->Dial(why); }, target->hang_ms(),
             target->stop()) {}

void KeyAdopter::Disconnect() {
  probe_.Disconnect();
  db_ = 0;
}

std::optional<OracleVerdict::Adopted> KeyAdopter::Adopt(const Asked& asked) {
  if (RunsAny(asked, [](const Command& one) { return one.HasTrait(kOtherDatabase); })) {
    return std::nullopt;
  }
  for (size_t i = 0; i < clients_->count(); ++i) {
    if (clients_->Waits(clients_->all()[i])) return std::nullopt;
  }
  std::set<std::string> keys;
  ForEachKey(asked, [&](std::string_view key) { keys.emplace(key); });
  if (keys.empty() || !Select(asked.db)) return std::nullopt;
  const Keyspace& keyspace = core_->keyspace();
  const auto expiry_of = [&](const std::string& key) {
    const Object* const object = keyspace.Peek(asked.db, key);
    return object == nullptr ? kNoExpiry : object->expire_at();
  };
  OracleVerdict::Adopted adopted;
  for (const std::string& key : keys) {
    const uint64_t data = keyspace.ValueDigest(asked.db, key);
    const int64_t expiry = expiry_of(key);
    const std::optional<Value> value = Read(key);
    if (!value || !Store(asked.db, key, *value)) return std::nullopt;
    adopted.data |= keyspace.ValueDigest(asked.db, key) != data;
    const int64_t now = expiry_of(key);
    if (keyspace.Peek(asked.db, key) == nullptr) continue;  // the data differ, if anything
    adopted.expiry |=
        (now == kNoExpiry) != (expiry == kNoExpiry) || std::abs(now - expiry) > kTimeToleranceMs;
  }
  return adopted;
}

bool KeyAdopter::Select(int db) {
  if (db == db_) return true;
  const auto reply = probe_.Ask("SELECT " + std::to_string(db));
  if (!reply || reply->is_error()) return false;
  db_ = db;
  return true;
}

std::optional<KeyAdopter::Value> KeyAdopter::Read(const std::string& key) {
  if (!survey_->Has("type")) return std::nullopt;
  // A connection that the server closes after an error is in the first database again.
  const size_t lost = probe_.lost();
  const auto ask = [&](const std::vector<std::string>& words) {
    std::optional<resp::ReplyView> reply = probe_.Ask(words);
    if (reply && (reply->is_error() || (probe_.lost() != lost && db_ != 0))) reply.reset();
    if (!reply) Disconnect();
    return reply;
  };
  std::optional<resp::ReplyView> reply = ask({"TYPE", key});
  if (!reply || reply->is_aggregate()) return std::nullopt;
  Value value;
  if (reply->text() == ObjectTypeName(ObjectType::kNone)) return value;
  const Reader* const reader = ReaderOf(reply->text());
  if (reader == nullptr || !survey_->Has(reader->command)) return std::nullopt;
  if (verdict_->Misreads(reader->command)) return std::nullopt;
  value.type = reader->type;
  std::vector<std::string> words = {reader->command, key};
  words.insert(words.end(), reader->after_key.begin(), reader->after_key.end());
  reply = ask(words);
  if (!reply || reply->is_null()) return std::nullopt;
  if ((reader->type == ObjectType::kString) == reply->is_aggregate()) return std::nullopt;
  if (!reply->is_aggregate()) value.words.emplace_back(reply->text());
  for (const resp::ReplyView element : *reply) {
    if (element.is_aggregate() || element.is_null()) return std::nullopt;
    value.words.emplace_back(element.text());
  }
  if (value.words.empty() || (reader->pairs && value.words.size() % 2 != 0)) return std::nullopt;
  return ReadExpiry(key, &value) ? std::optional(std::move(value)) : std::nullopt;
}

bool KeyAdopter::ReadExpiry(const std::string& key, Value* value) {
  const bool ms = survey_->Has("pttl");
  if (!ms && !survey_->Has("ttl")) return true;
  const auto reply = probe_.Ask(std::vector<std::string>{ms ? "PTTL" : "TTL", key});
  if (!reply || reply->type() != resp::Type::kInteger || reply->integer() < -1) return false;
  if (reply->integer() == -1) return true;
  constexpr int64_t kMost = INT64_MAX / 4000;
  if (reply->integer() > kMost) return false;
  value->expire_at = core_->keyspace().now_ms() + reply->integer() * (ms ? 1 : 1000);
  return true;
}

bool KeyAdopter::Store(int db, std::string_view key, const Value& value) {
  Keyspace& keyspace = core_->keyspace();
  KeyspaceObserver* const observer = keyspace.observer();
  const auto quietly = [&](const auto& change) {
    keyspace.set_observer(nullptr);
    change();
    keyspace.Modified(db, key);
    keyspace.set_observer(observer);
  };
  std::vector<double> scores;
  if (value.type == ObjectType::kZset) {
    for (size_t i = 1; i < value.words.size(); i += 2) {
      if (!ParseDouble(value.words[i], &scores.emplace_back())) return false;
    }
  }
  quietly([&] {
    if (value.type == ObjectType::kNone) {
      keyspace.Remove(db, key);
      return;
    }
    if (value.type == ObjectType::kString) {
      keyspace.SetString(db, key, value.words.front());
    } else {
      Object& object = keyspace.Overwrite(db, key, value.type);
      for (size_t i = 0; i < value.words.size(); ++i) {
        const std::string& word = value.words[i];
        if (value.type == ObjectType::kList) object.list().PushBack(word);
        if (value.type == ObjectType::kSet) object.set().Add(word);
        if (value.type == ObjectType::kHash && i % 2 == 0)
          object.hash().Set(word, value.words[i + 1]);
        if (value.type == ObjectType::kZset && i % 2 == 0) object.zset().Set(word, scores[i / 2]);
      }
    }
    keyspace.SetExpiry(db, key, value.expire_at);
  });
  return true;
}

}  // namespace resprobe::live
