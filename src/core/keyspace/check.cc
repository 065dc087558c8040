// Self-checks of the keyspace.

#include <bit>
#include <string>

#include "core/keyspace/accounting.h"
#include "core/keyspace/hash.h"
#include "core/keyspace/keyspace.h"

namespace resprobe {
namespace {

std::string Name(int db, std::string_view key) {
  return "db " + std::to_string(db) + ", key \"" + std::string(key) + "\": ";
}

uint64_t Mix(uint64_t a, uint64_t b) {
  uint64_t h = (a ^ b) * 0x9e3779b97f4a7c15;
  h ^= h >> 29;
  return h * 0xbf58476d1ce4e5b9 + 1;
}

// Combines two different 32-bit hashes, so that a collision in one shows in the other.
uint64_t Digest64(std::string_view bytes) {
  uint64_t fnv = 0xcbf29ce484222325;
  for (const char c : bytes) fnv = (fnv ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return fnv ^ (uint64_t{HashBytes(bytes)} << 32);
}

}  // namespace

std::string Keyspace::CheckEntry(int db, size_t i) const {
  const Dict<Object>::Entry& entry = dbs_[db].keys.at(i);
  const Object& object = entry.value;
  if (object.type() == ObjectType::kNone) return Name(db, entry.key) + "has no value";
  if (object.size() == 0) {
    return Name(db, entry.key) + "an empty " + std::string(ObjectTypeName(object.type())) +
           " was left behind";
  }
  const char* wrong = nullptr;
  switch (object.type()) {
    case ObjectType::kList:
      wrong = object.list().Check();
      break;
    case ObjectType::kHash:
      wrong = object.hash().Check();
      break;
    case ObjectType::kSet:
      wrong = object.set().Check();
      break;
    case ObjectType::kZset:
      wrong = object.zset().Check();
      break;
    case ObjectType::kString:
    case ObjectType::kNone:
      break;
  }
  if (wrong != nullptr) return Name(db, entry.key) + wrong;
  if (object.accounted_ != object.bytes() + entry.key.size() + kKeyOverhead) {
    return Name(db, entry.key) + std::to_string(object.accounted_) +
           " bytes are accounted, but it has " +
           std::to_string(object.bytes() + entry.key.size() + kKeyOverhead) +
           ": a change was not reported";
  }
  return {};
}

std::string Keyspace::CheckKey(int db, std::string_view key) const {
  const size_t i = dbs_[db].keys.IndexOf(key);
  return i == Dict<Object>::kNone ? std::string() : CheckEntry(db, i);
}

std::string Keyspace::CheckIntegrity() const {
  size_t total = 0;
  for (int db = 0; db < databases(); ++db) {
    const Database& database = dbs_[db];
    if (const char* wrong = database.keys.Check(); wrong != nullptr) {
      return "db " + std::to_string(db) + ": " + wrong;
    }
    size_t with_expiry = 0;
    for (size_t i = 0; i < database.keys.size(); ++i) {
      if (std::string wrong = CheckEntry(db, i); !wrong.empty()) return wrong;
      total += database.keys.at(i).value.accounted_;
      with_expiry += database.keys.at(i).value.expire_at() != kNoExpiry;
    }
    if (with_expiry != database.with_expiry) {
      return "db " + std::to_string(db) + ": the count of keys with an expiry is " +
             std::to_string(database.with_expiry) + ", but there are " +
             std::to_string(with_expiry);
    }
  }
  if (total != used_memory_) {
    return "used_memory is " + std::to_string(used_memory_) + ", but the keys take " +
           std::to_string(total);
  }
  return {};
}

uint64_t Keyspace::Digest(int db, std::string_view key) const {
  const Object* object = Peek(db, key);
  return object == nullptr ? 0 : DigestOf(*object, object->expire_at());
}

uint64_t Keyspace::ValueDigest(int db, std::string_view key) const {
  const Object* object = Peek(db, key);
  return object == nullptr ? 0 : DigestOf(*object, kNoExpiry);
}

uint64_t Keyspace::DigestOf(const Object& value, int64_t expire_at) {
  const Object* object = &value;
  uint64_t h =
      Mix(static_cast<uint64_t>(object->type()), static_cast<uint64_t>(expire_at) + 0x51ed270b);
  switch (object->type()) {
    case ObjectType::kNone:
      break;
    case ObjectType::kString:
      h = Mix(h, Digest64(object->string()));
      break;
    case ObjectType::kList:
      for (size_t i = 0; i < object->list().size(); ++i) {
        h = Mix(h, Digest64(object->list().at(i)));
      }
      break;
    case ObjectType::kHash: {
      uint64_t sum = 0;
      const Dict<std::string>& fields = object->hash().fields();
      for (size_t i = 0; i < fields.size(); ++i) {
        sum += Mix(Digest64(fields.at(i).key), ~Digest64(fields.at(i).value));
      }
      h = Mix(h, sum);
      break;
    }
    case ObjectType::kSet: {
      uint64_t sum = 0;
      const Dict<Nothing>& members = object->set().members();
      for (size_t i = 0; i < members.size(); ++i) sum += Mix(1, Digest64(members.at(i).key));
      h = Mix(h, sum);
      break;
    }
    case ObjectType::kZset:
      for (size_t i = 0; i < object->zset().size(); ++i) {
        h = Mix(h, Digest64(object->zset().member_at(i)));
        // Plus 0 makes one number of 0 and -0. Which one a server has after it changed a score
        // depends on the encoding, and reads change that: SORT makes a skiplist, which is in no
        // log.
        h = Mix(h, std::bit_cast<uint64_t>(object->zset().score_at(i) + 0.0));
      }
      break;
  }
  return h == 0 ? 1 : h;
}

uint64_t Keyspace::Digest() const {
  uint64_t sum = 0;
  for (int db = 0; db < databases(); ++db) {
    const Dict<Object>& keys = dbs_[db].keys;
    for (size_t i = 0; i < keys.size(); ++i) {
      const std::string& key = keys.at(i).key;
      const uint64_t value = Digest(db, key);
      if (value != 0) sum += Mix(value, Digest64(key) + static_cast<uint64_t>(db));
    }
  }
  return sum;
}

}  // namespace resprobe
