#include "worlds/rdb/rdb_reads.h"

#include <algorithm>
#include <span>
#include <utility>

#include "core/resp/writer.h"
#include "core/table/profile.h"
#include "worlds/rdb/rdb_tape.h"

namespace resprobe {
namespace {

constexpr size_t kFewKeys = 3;

}  // namespace

const resp::Reply* RdbReads::Ask(std::initializer_list<std::string_view> args) {
  if (!wrong_.empty()) return nullptr;
  request_.clear();
  resp::AppendRequest(&request_, std::span<const std::string_view>(args.begin(), args.size()));
  server_->Receive(client_, request_);
  std::string& output = server_->Output(client_);
  parser_.Reset();
  const auto result = parser_.Parse(output);
  const bool whole =
      result.status == resp::ReplyParser::Status::kValue && result.consumed == output.size();
  if (!whole || parser_.reply().root().is_error()) {
    wrong_ = std::string(*args.begin()) + " is answered with " + output;
  }
  output.clear();
  return wrong_.empty() ? &parser_.reply() : nullptr;
}

int64_t RdbReads::Count(std::initializer_list<std::string_view> args) {
  const resp::Reply* const reply = Ask(args);
  return reply == nullptr ? -1 : reply->root().integer();
}

void RdbReads::Expect(size_t elements, std::initializer_list<std::string_view> args) {
  const resp::Reply* const reply = Ask(args);
  if (reply == nullptr || reply->root().size() == elements) return;
  wrong_ = std::string(*args.begin()) + " is answered with " +
           std::to_string(reply->root().size()) + " elements, but there are " +
           std::to_string(elements);
}

void RdbReads::ReadDump(std::string_view key) {
  const resp::Reply* const reply = Ask({"DUMP", key});
  if (reply == nullptr) return;
  const std::string_view payload = reply->root().text();
  const std::string_view footer =
      payload.substr(payload.size() - std::min<size_t>(payload.size(), 10));
  const auto little = [](std::string_view bytes) {
    uint64_t value = 0;
    for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[i]);
    return value;
  };
  const auto version = static_cast<uint64_t>(TraitsOf(server_->config().profile).rdb_version);
  if (footer.size() < 10 || little(footer.substr(0, 2)) != version ||
      little(footer.substr(2)) != PlainCrc64(payload.substr(0, payload.size() - 8))) {
    wrong_ = "DUMP replies a payload with a wrong footer";
  }
}

void RdbReads::ReadKey(std::string_view key, ObjectType type) {
  const resp::Reply* const reply = Ask({"TYPE", key});
  if (reply == nullptr) return;
  if (reply->root().text() != ObjectTypeName(type)) {
    wrong_ = "TYPE is answered with " + std::string(reply->root().text());
    return;
  }
  Ask({"OBJECT", "ENCODING", key});
  Ask({"PEXPIRETIME", key});
  ReadDump(key);
  switch (type) {
    case ObjectType::kString: {
      const int64_t size = Count({"STRLEN", key});
      const resp::Reply* const value = Ask({"GET", key});
      if (value != nullptr && static_cast<int64_t>(value->root().text().size()) != size) {
        wrong_ = "GET and STRLEN disagree";
      }
      Ask({"GETRANGE", key, "-3", "-1"});
      Ask({"BITCOUNT", key});
      break;
    }
    case ObjectType::kList: {
      const auto count = static_cast<size_t>(Count({"LLEN", key}));
      Expect(count, {"LRANGE", key, "0", "-1"});
      Expect(count < 2 ? count : 2, {"LRANGE", key, "-2", "-1"});
      Ask({"LINDEX", key, "-1"});
      Ask({"LPOS", key, "a"});
      break;
    }
    case ObjectType::kHash: {
      const auto count = static_cast<size_t>(Count({"HLEN", key}));
      Expect(2 * count, {"HGETALL", key});
      Expect(count, {"HKEYS", key});
      Ask({"HSCAN", key, "0", "COUNT", "100"});
      Ask({"HRANDFIELD", key, "-3", "WITHVALUES"});
      Ask({"HGET", key, "a"});
      break;
    }
    case ObjectType::kSet: {
      const auto count = static_cast<size_t>(Count({"SCARD", key}));
      Expect(count, {"SMEMBERS", key});
      Expect(count, {"SINTER", key, key});
      Ask({"SSCAN", key, "0", "COUNT", "100"});
      Ask({"SRANDMEMBER", key, "-3"});
      Ask({"SISMEMBER", key, "1"});
      break;
    }
    case ObjectType::kZset: {
      const auto count = static_cast<size_t>(Count({"ZCARD", key}));
      Expect(2 * count, {"ZRANGE", key, "0", "-1", "WITHSCORES"});
      Expect(count, {"ZRANGE", key, "-inf", "+inf", "BYSCORE"});
      Expect(count, {"ZREVRANGE", key, "0", "-1"});
      Ask({"ZSCAN", key, "0", "COUNT", "100"});
      Ask({"ZCOUNT", key, "(0", "5"});
      Ask({"ZSCORE", key, "a"});
      break;
    }
    case ObjectType::kNone:
      break;
  }
}

std::string RdbReads::Run(Server& server, bool few) {
  server_ = &server;
  client_ = server.Connect();
  wrong_.clear();
  for (int db = 0; db < server.keyspace().databases() && wrong_.empty(); ++db) {
    const size_t keys = server.keyspace().KeyCount(db);
    if (keys == 0) continue;
    Ask({"SELECT", std::to_string(db)});
    size_t read = 0;
    for (size_t i = 0; i < server.keyspace().keys(db).size() && wrong_.empty(); ++i) {
      const auto& entry = server.keyspace().keys(db).at(i);
      if (server.keyspace().Expired(entry.value)) continue;
      if (few && read++ == kFewKeys) break;
      key_.assign(entry.key);  // a command may move the entry
      ReadKey(key_, entry.value.type());
    }
  }
  server.Close(client_);
  return wrong_;
}

std::string RdbReads::Send(std::initializer_list<std::string_view> args) {
  request_.clear();
  resp::AppendRequest(&request_, std::span<const std::string_view>(args.begin(), args.size()));
  server_->Receive(client_, request_);
  return std::exchange(server_->Output(client_), "");
}

std::string RdbReads::Restore(Server& server, std::string_view key, std::string_view payload) {
  server_ = &server;
  client_ = server.Connect();
  const std::string reply = Send({"RESTORE", key, "0", payload});
  server.Close(client_);
  return reply;
}

std::string RdbReads::RestoreOver(Server& server, std::string_view key, std::string_view payload) {
  server_ = &server;
  client_ = server.Connect();
  wrong_.clear();
  Keyspace& keyspace = server.keyspace();
  const uint64_t digest = keyspace.Digest(0, key);
  const auto expect = [&](std::string_view what, bool holds) {
    if (!holds && wrong_.empty()) wrong_ = what;
  };
  const auto at = [&](int64_t ms) { return std::to_string(keyspace.now_ms() + ms); };

  const std::string busy = Send({"RESTORE", key, "0", payload});
  expect("BUSYKEY without REPLACE",
         busy.starts_with("-BUSYKEY ") && keyspace.Digest(0, key) == digest);

  uint64_t dirty = keyspace.dirty();
  const std::string later = at(5000);
  std::string reply = Send({"RESTORE", key, later, payload, "IDLETIME", "7", "REPLACE", "ABSTTL"});
  expect("OK with REPLACE, ABSTTL and IDLETIME", reply == "+OK\r\n");
  expect("a change for each RESTORE", keyspace.dirty() > dirty);
  expect("with ABSTTL the time of the request", Send({"PEXPIRETIME", key}) == ":" + later + "\r\n");
  expect("the idle time of the request", Send({"OBJECT", "IDLETIME", key}) == ":7\r\n");

  reply = Send({"RESTORE", key, "3000", payload, "REPLACE"});
  expect("OK with REPLACE", reply == "+OK\r\n");
  expect("the time from now on", Send({"PEXPIRETIME", key}) == ":" + at(3000) + "\r\n");

  dirty = keyspace.dirty();
  reply = Send({"RESTORE", key, at(-1), payload, "ABSTTL", "REPLACE"});
  expect("OK with a time in the past", reply == "+OK\r\n");
  expect("no key after RESTORE REPLACE with a time in the past",
         Send({"EXISTS", key}) == ":0\r\n" && keyspace.dirty() > dirty);
  server.Close(client_);
  return wrong_;
}

}  // namespace resprobe
