#include "core/persistence/rdb.h"

#include <bit>
#include <cstdint>
#include <cstring>

namespace resprobe {
namespace {

// Opcodes and types of values (rdb.h).
enum : uint8_t {
  kString = 0,
  kList = 1,
  kSet = 2,
  kHash = 4,
  kZset = 5,  // with binary scores
  kExpireMs = 0xfc,
  kSelectDb = 0xfe,
  kEnd = 0xff,
};
constexpr std::string_view kMagic = "REDIS";
constexpr size_t kHeader = 9;  // with the version, in four digits
constexpr size_t kChecksum = 8;

void AppendWord(std::string* out, uint64_t value) {  // little endian
  for (int i = 0; i < 8; ++i) *out += static_cast<char>(value >> (8 * i) & 0xff);
}

void AppendLength(std::string* out, size_t length) {
  if (length < 1U << 6) {
    *out += static_cast<char>(length);
  } else if (length < 1U << 14) {
    *out += static_cast<char>(0x40 | length >> 8);
    *out += static_cast<char>(length & 0xff);
  } else {
    const bool wide = length > UINT32_MAX;
    *out += wide ? '\x81' : '\x80';
    for (int shift = wide ? 56 : 24; shift >= 0; shift -= 8) {
      *out += static_cast<char>(length >> shift & 0xff);
    }
  }
}

void AppendText(std::string* out, std::string_view text) {
  AppendLength(out, text.size());
  out->append(text);
}

uint8_t TypeOf(const Object& object) {
  switch (object.type()) {
    case ObjectType::kList:
      return kList;
    case ObjectType::kHash:
      return kHash;
    case ObjectType::kSet:
      return kSet;
    case ObjectType::kZset:
      return kZset;
    case ObjectType::kString:
    case ObjectType::kNone:
      break;
  }
  return kString;
}

void AppendValue(std::string* out, const Object& object) {
  if (TypeOf(object) == kString) return AppendText(out, object.string());
  AppendLength(out, object.size());
  for (size_t i = 0; i < object.size(); ++i) {
    switch (object.type()) {
      case ObjectType::kList:
        AppendText(out, object.list().at(i));
        break;
      case ObjectType::kHash:
        AppendText(out, object.hash().fields().at(i).key);
        AppendText(out, object.hash().fields().at(i).value);
        break;
      case ObjectType::kSet:
        AppendText(out, object.set().members().at(i).key);
        break;
      case ObjectType::kZset:
        AppendText(out, object.zset().scores().at(i).key);
        AppendWord(out, std::bit_cast<uint64_t>(object.zset().scores().at(i).value));
        break;
      case ObjectType::kString:
      case ObjectType::kNone:
        break;
    }
  }
}

// Reads what the functions above write. After a read beyond the end, `good` is false and all reads
// return nothing.
struct Reader {
  std::string_view rest;
  bool good = true;

  std::string_view Take(uint64_t count) {
    good = good && count <= rest.size();
    if (!good) return {};
    const std::string_view taken = rest.substr(0, count);
    rest.remove_prefix(count);
    return taken;
  }
  uint8_t Byte() {
    const std::string_view byte = Take(1);
    return byte.empty() ? kEnd : static_cast<uint8_t>(byte[0]);
  }
  uint64_t Word() {
    uint64_t value = 0;
    const std::string_view bytes = Take(8);
    for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[i]);
    return value;
  }
  uint64_t Length() {
    const uint8_t first = Byte();
    uint64_t value = first & 0x3f;
    if (first < 0x40) return value;
    size_t more = 1;
    if (first >= 0x80) {
      good = good && (first == 0x80 || first == 0x81);
      more = first == 0x80 ? 4 : 8;
      value = 0;
    }
    for (const char byte : Take(more)) value = value << 8 | static_cast<uint8_t>(byte);
    return value;
  }
  std::string_view Text() { return Take(Length()); }
};

void ReadElement(Reader& in, Object& object) {
  switch (object.type()) {
    case ObjectType::kString:
      object.string().assign(in.Text());
      break;
    case ObjectType::kList:
      object.list().PushBack(in.Text());
      break;
    case ObjectType::kHash: {
      const std::string_view field = in.Text();
      object.hash().Set(field, in.Text());
      break;
    }
    case ObjectType::kSet:
      object.set().Add(in.Text());
      break;
    case ObjectType::kZset: {
      const std::string_view member = in.Text();
      const double score = std::bit_cast<double>(in.Word());
      if (score == score) object.zset().Set(member, score);
      break;
    }
    case ObjectType::kNone:
      break;
  }
}

bool ReadKey(Reader& in, uint8_t type, int db, int64_t expire_at, Keyspace* keyspace) {
  const ObjectType types[] = {ObjectType::kString, ObjectType::kList, ObjectType::kSet,
                              ObjectType::kNone,   ObjectType::kHash, ObjectType::kZset};
  if (type >= std::size(types) || types[type] == ObjectType::kNone) return false;
  const std::string_view key = in.Text();
  const uint64_t count = type == kString ? 1 : in.Length();
  // A length that lies ends with the bytes.
  Object& object = keyspace->Overwrite(db, key, types[type]);
  for (uint64_t i = 0; i < count && in.good; ++i) ReadElement(in, object);
  if (expire_at != kNoExpiry) keyspace->SetExpiry(db, key, expire_at);
  keyspace->Modified(db, key);
  return in.good;
}

}  // namespace

void AppendRdb(const Keyspace& keyspace, int version, std::string* rdb) {
  rdb->append(kMagic);
  for (const int unit : {1000, 100, 10, 1}) *rdb += static_cast<char>('0' + version / unit % 10);
  for (int db = 0; db < keyspace.databases(); ++db) {
    const Dict<Object>& keys = keyspace.keys(db);
    if (keys.empty()) continue;
    *rdb += static_cast<char>(kSelectDb);
    AppendLength(rdb, static_cast<size_t>(db));
    for (size_t i = 0; i < keys.size(); ++i) {
      const Object& object = keys.at(i).value;
      if (object.expire_at() != kNoExpiry) {
        *rdb += static_cast<char>(kExpireMs);
        AppendWord(rdb, static_cast<uint64_t>(object.expire_at()));
      }
      *rdb += static_cast<char>(TypeOf(object));
      AppendText(rdb, keys.at(i).key);
      AppendValue(rdb, object);
    }
  }
  *rdb += static_cast<char>(kEnd);
  rdb->append(kChecksum, '\0');
}

bool LoadRdb(std::string_view rdb, Keyspace* keyspace) {
  keyspace->Flush(-1);
  KeyspaceObserver* const observer = keyspace->observer();
  keyspace->set_observer(nullptr);
  Reader in{rdb};
  in.good = in.Take(kHeader).starts_with(kMagic);
  int db = 0;
  int64_t expire_at = kNoExpiry;
  bool ended = false;
  while (in.good && !ended) {
    const uint8_t code = in.Byte();
    if (code == kEnd) {
      ended = in.good;
    } else if (code == kSelectDb) {
      const uint64_t number = in.Length();
      in.good = in.good && number < static_cast<uint64_t>(keyspace->databases());
      db = static_cast<int>(number);
    } else if (code == kExpireMs) {
      expire_at = static_cast<int64_t>(in.Word());
    } else {
      in.good = ReadKey(in, code, db, expire_at, keyspace);
      expire_at = kNoExpiry;
    }
  }
  keyspace->set_observer(observer);
  return ended && in.Take(kChecksum).size() == kChecksum;
}

}  // namespace resprobe
