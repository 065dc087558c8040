#include "core/persistence/aof_rewrite.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "core/keyspace/integers.h"
#include "core/keyspace/object.h"
#include "core/table/numbers.h"

namespace resprobe {
namespace {

constexpr size_t kItemsPerCommand = 64;

class BaseWriter {
 public:
  BaseWriter(Profile profile, std::string* out) : profile_(profile), out_(out) {}

  void Select(int db) {
    char digits[24];
    Command(2, "SELECT");
    Word(FormatInt64(db, digits));
  }

  void Key(std::string_view key, const Object& object) {
    key_ = key;
    left_ = object.size();
    in_command_ = 0;
    switch (object.type()) {
      case ObjectType::kString:
        Command(3, "SET");
        Word(key);
        Word(object.string());
        break;
      case ObjectType::kList:
        for (size_t i = 0; i < object.size(); ++i) {
          BeginItem("RPUSH", 1);
          Word(object.list().at(i));
        }
        break;
      case ObjectType::kSet:
        WriteSet(object.set());
        break;
      case ObjectType::kZset:
        for (size_t i = 0; i < object.size(); ++i) {
          BeginItem("ZADD", 2);
          char buffer[kNumberBufferSize];
          Word(FormatRewrittenScore(profile_, object.zset().score_at(i), buffer));
          Word(object.zset().member_at(i));
        }
        break;
      case ObjectType::kHash:
        for (size_t i = 0; i < object.size(); ++i) {
          BeginItem("HMSET", 2);
          Word(object.hash().fields().at(i).key);
          Word(object.hash().fields().at(i).value);
        }
        break;
      case ObjectType::kNone:
        break;
    }
    if (object.expire_at() == kNoExpiry) return;
    char digits[24];
    Command(3, "PEXPIREAT");
    Word(key);
    Word(FormatInt64(object.expire_at(), digits));
  }

 private:
  void WriteSet(const Set& set) {
    if (!set.intset()) {
      for (size_t i = 0; i < set.size(); ++i) {
        BeginItem("SADD", 1);
        Word(set.members().at(i).key);
      }
      return;
    }
    std::vector<int64_t> members;
    members.reserve(set.size());
    for (size_t i = 0; i < set.size(); ++i) {
      members.push_back(ParseInt64(set.members().at(i).key).value);
    }
    std::ranges::sort(members);
    for (const int64_t member : members) {
      char digits[24];
      BeginItem("SADD", 1);
      Word(FormatInt64(member, digits));
    }
  }

  // Begins a command before every 64th element. An element is this many words.
  void BeginItem(std::string_view command, size_t words) {
    if (in_command_ == 0) {
      Command(2 + std::min(left_, kItemsPerCommand) * words, command);
      Word(key_);
    }
    --left_;
    in_command_ = (in_command_ + 1) % kItemsPerCommand;
  }

  void Command(size_t words, std::string_view name) {
    Header('*', words);
    Word(name);
  }
  void Word(std::string_view word) {
    Header('$', word.size());
    out_->append(word).append("\r\n");
  }
  void Header(char type, size_t count) {
    char digits[24];
    *out_ += type;
    out_->append(FormatInt64(static_cast<int64_t>(count), digits)).append("\r\n");
  }

  const Profile profile_;
  std::string* const out_;
  std::string_view key_;
  size_t left_ = 0;        // elements of the key
  size_t in_command_ = 0;  // elements of the current command
};

}  // namespace

void AppendAofBase(const Keyspace& keyspace, Profile profile, int64_t timestamp, std::string* out) {
  if (timestamp >= 0) {
    char digits[24];
    out->append("#TS:").append(FormatInt64(timestamp, digits)).append("\r\n");
  }
  BaseWriter writer(profile, out);
  for (int db = 0; db < keyspace.databases(); ++db) {
    const Dict<Object>& keys = keyspace.keys(db);
    if (keys.empty()) continue;
    writer.Select(db);
    for (size_t i = 0; i < keys.size(); ++i) writer.Key(keys.at(i).key, keys.at(i).value);
  }
}

}  // namespace resprobe
