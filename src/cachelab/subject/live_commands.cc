#include "cachelab/subject/live_commands.h"

#include <algorithm>
#include <array>

#include "core/table/command.h"
#include "core/table/table.h"

namespace resprobe::cachelab {
namespace {

constexpr bool kRead = true;
constexpr bool kWrite = false;
constexpr bool kUnordered = true;

constexpr std::string_view kTypes[] = {"string", "set", "list", "hash", "zset", "stream"};

constexpr LiveCommand kCommands[] = {
    {"string", kRead, "GET {key}"},
    {"string", kRead, "STRLEN {key}"},
    {"string", kRead, "GETRANGE {key} 0 7"},
    {"string", kWrite, "SET {key} {value}"},
    {"string", kWrite, "APPEND {key} {value}"},
    {"string", kWrite, "SETRANGE {key} 0 {value}"},
    {"string", kWrite, "GETSET {key} {value}"},
    {"string", kWrite, "GETDEL {key}"},
    {"set", kRead, "SMEMBERS {key}", kUnordered},
    {"set", kRead, "SCARD {key}"},
    {"set", kRead, "SISMEMBER {key} {member}"},
    {"set", kWrite, "SADD {key} {values}"},
    {"set", kWrite, "SADD {key} {member}"},
    {"set", kWrite, "SREM {key} {member}"},
    {"set", kWrite, "SPOP {key}"},
    {"list", kRead, "LRANGE {key} 0 -1"},
    {"list", kRead, "LLEN {key}"},
    {"list", kRead, "LINDEX {key} 0"},
    {"list", kWrite, "RPUSH {key} {values}"},
    {"list", kWrite, "LPUSH {key} {value}"},
    {"list", kWrite, "LPOP {key}"},
    {"list", kWrite, "RPOP {key}"},
    {"list", kWrite, "LTRIM {key} 0 1"},
    {"hash", kRead, "HGETALL {key}"},
    {"hash", kRead, "HGET {key} {field}"},
    {"hash", kRead, "HMGET {key} {field} f0"},
    {"hash", kRead, "HLEN {key}"},
    {"hash", kRead, "HKEYS {key}", kUnordered},
    {"hash", kRead, "HVALS {key}", kUnordered},
    {"hash", kRead, "HEXISTS {key} {field}"},
    {"hash", kWrite, "HMSET {key} {fields}"},
    {"hash", kWrite, "HSET {key} {field} {value}"},
    {"hash", kWrite, "HDEL {key} {field}"},
    {"zset", kRead, "ZRANGE {key} 0 -1 WITHSCORES"},
    {"zset", kRead, "ZSCORE {key} {member}"},
    {"zset", kRead, "ZRANK {key} {member}"},
    {"zset", kRead, "ZCARD {key}"},
    {"zset", kWrite, "ZADD {key} {scored}"},
    {"zset", kWrite, "ZADD {key} {version} {member}"},
    {"zset", kWrite, "ZINCRBY {key} 1 {member}"},
    {"zset", kWrite, "ZREM {key} {member}"},
    {"zset", kWrite, "ZPOPMIN {key}"},
    {"stream", kRead, "XRANGE {key} - +"},
    {"stream", kRead, "XREVRANGE {key} + - COUNT 1"},
    {"stream", kRead, "XLEN {key}"},
    {"stream", kWrite, "XADD {key} * {field} {value}"},
    {"stream", kWrite, "XADD {key} MAXLEN 2 * {fields}"},
    {"stream", kWrite, "XTRIM {key} MAXLEN 1"},
    {"generic", kRead, "EXISTS {key}"},
    {"generic", kRead, "TYPE {key}"},
    {"generic", kWrite, "DEL {key}"},
    {"generic", kWrite, "UNLINK {key}"},
    {"generic", kWrite, "EXPIRE {key} -1"},
    {"generic", kWrite, "EXPIRE {key} 100000"},
};

// "v12.v12.v1": every part of it contains the version, so that a torn value is detected.
std::string Value(uint64_t version, int element, int size) {
  std::string word = "v" + std::to_string(version);
  if (element >= 0) word += ":" + std::to_string(element);
  std::string value = word;
  while (value.size() < static_cast<size_t>(size)) value += "." + word;
  value.resize(std::max(word.size(), static_cast<size_t>(size)));
  return value;
}

void AddBlank(std::string_view blank, const Blanks& b, Words* words) {
  if (blank == "{key}") {
    words->emplace_back(b.key);
  } else if (blank == "{version}") {
    words->push_back(std::to_string(b.version));
  } else if (blank == "{value}") {
    words->push_back(Value(b.version, -1, b.value_size));
  } else if (blank == "{field}") {
    words->push_back("f" + std::to_string(b.member % b.members));
  } else if (blank == "{member}") {
    words->push_back("m" + std::to_string(b.member % b.members));
  } else if (blank == "{values}") {
    for (int i = 0; i < b.members; ++i) words->push_back(Value(b.version, i, b.value_size));
  } else if (blank == "{fields}") {
    for (int i = 0; i < b.members; ++i) {
      words->push_back("f" + std::to_string(i));
      words->push_back(Value(b.version, i, b.value_size));
    }
  } else {  // {scored}
    for (int i = 0; i < b.members; ++i) {
      words->push_back(std::to_string(b.version + static_cast<uint64_t>(i)));
      words->push_back("m" + std::to_string(i));
    }
  }
}

}  // namespace

bool LiveCommand::brings_value() const {
  constexpr std::string_view kBlanks[] = {"{version}", "{value}", "{values}", "{fields}",
                                          "{scored}"};
  return std::any_of(std::begin(kBlanks), std::end(kBlanks),
                     [this](std::string_view blank) { return form.find(blank) != form.npos; });
}

std::span<const LiveCommand> LiveCommands() { return kCommands; }
std::span<const std::string_view> LiveTypes() { return kTypes; }

Words Expand(const LiveCommand& command, const Blanks& blanks) {
  Words words;
  for (size_t at = 0; at < command.form.size();) {
    const size_t end = std::min(command.form.find(' ', at), command.form.size());
    const std::string_view word = command.form.substr(at, end - at);
    if (word.starts_with('{')) {
      AddBlank(word, blanks, &words);
    } else {
      words.emplace_back(word);
    }
    at = end + 1;
  }
  return words;
}

bool IsCacheable(std::span<const std::string_view> args) {
  return args.size() > 1 &&
         std::any_of(std::begin(kCommands), std::end(kCommands), [&](const LiveCommand& command) {
           return command.read && CommandContext::IsWord(args[0], command.name());
         });
}

bool KeysChanged(std::span<const std::string_view> args, std::vector<std::string_view>* keys) {
  keys->clear();
  if (args.empty()) return true;
  if (const Command* command = FindCommand(args[0])) {
    if (!command->Has(CommandFlag::kWrite)) {
      // A command that runs others (EXEC) may change any key.
      return command->Has(CommandFlag::kReadonly) || !command->is_exec;
    }
    std::vector<int> positions;
    if (!KeyPositions(*command, args, positions) || positions.empty()) return false;
    for (const int position : positions) {
      if (static_cast<size_t>(position) < args.size()) {
        keys->push_back(args[static_cast<size_t>(position)]);
      }
    }
    return true;
  }
  for (const LiveCommand& command : kCommands) {
    if (!CommandContext::IsWord(args[0], command.name())) continue;
    if (!command.read && args.size() > 1) keys->push_back(args[1]);
    return true;
  }
  return false;
}

std::string Canonical(const resp::ReplyView& reply, bool unordered) {
  if (!reply.is_aggregate()) return resp::ToText(reply);
  const bool map = reply.type() == resp::Type::kMap;
  std::vector<std::string> parts;
  bool value = false;
  for (const resp::ReplyView child : reply) {
    std::string text = Canonical(child, false);
    if (map && value) {
      parts.back() += ": " + text;
    } else {
      parts.push_back(std::move(text));
    }
    value = !value;
  }
  if (unordered || map || reply.type() == resp::Type::kSet) std::sort(parts.begin(), parts.end());
  std::string text(1, map ? '{' : '[');
  for (const std::string& part : parts) {
    if (text.size() > 1) text += ", ";
    text += part;
  }
  return text + (map ? '}' : ']');
}

bool IsError(std::string_view text) { return text.starts_with("(error) "); }

}  // namespace resprobe::cachelab
