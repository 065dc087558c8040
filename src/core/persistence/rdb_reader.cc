#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "core/persistence/c_number.h"
#include "core/persistence/crc64.h"
#include "core/persistence/intset.h"
#include "core/persistence/listpack.h"
#include "core/persistence/little_endian.h"
#include "core/persistence/rdb.h"
#include "core/persistence/rdb_bytes.h"
#include "core/persistence/rdb_format.h"
#include "core/persistence/ziplist.h"
#include "core/persistence/zipmap.h"
#include "core/table/numbers.h"

namespace resprobe {
namespace {

constexpr size_t kCompactHashFields = 512;  // hash-max-listpack-entries
constexpr size_t kCompactHashBytes = 64;    // hash-max-listpack-value

ObjectType ObjectTypeOf(uint8_t type) {
  switch (type) {
    case rdb::kString:
      return ObjectType::kString;
    case rdb::kList:
    case rdb::kListZiplist:
    case rdb::kListQuicklist:
    case rdb::kListQuicklist2:
      return ObjectType::kList;
    case rdb::kSet:
    case rdb::kSetIntset:
    case rdb::kSetListpack:
      return ObjectType::kSet;
    case rdb::kHash:
    case rdb::kHashZipmap:
    case rdb::kHashZiplist:
    case rdb::kHashListpack:
      return ObjectType::kHash;
    case rdb::kZset:
    case rdb::kZset2:
    case rdb::kZsetZiplist:
    case rdb::kZsetListpack:
      return ObjectType::kZset;
    default:
      return ObjectType::kNone;
  }
}

RdbResult ShortRead() {
  return {RdbError::kShortRead, "Short read or OOM loading DB. Unrecoverable error, aborting now."};
}

RdbResult Corrupt(std::string_view why) { return {RdbError::kCorrupt, std::string(why)}; }

// A type that is not in the model of this profile.
RdbResult WrongType(uint8_t type, Profile profile) {
  const std::string number = std::to_string(type);
  const bool valkey = profile == Profile::kValkey80;
  switch (type) {
    case rdb::kModule:
    case rdb::kModule2:
      return {RdbError::kUnsupported, "RDB type " + number + " is a module's"};
    case rdb::kStreamListpacks:
    case rdb::kStreamListpacks2:
      return {RdbError::kUnsupported, "RDB type " + number + " is a stream"};
    case rdb::kStreamListpacks3:
      if (valkey) return {RdbError::kUnsupported, "RDB type " + number + " is a stream"};
      break;
    default:
      break;
  }
  return {RdbError::kUnknownType, "Unknown RDB encoding type " + number};
}

// Reads one value into an empty object of the type's ObjectType.
class ValueReader {
 public:
  ValueReader(RdbBytes* in, bool deep) : in_(*in), deep_(deep) {}

  RdbResult Read(uint8_t type, Object& object) {
    switch (type) {
      case rdb::kString: {
        std::string_view text;
        if (!in_.Text(&text, &first_)) return Failed();
        object.string().assign(text);
        return {};
      }
      case rdb::kList:
      case rdb::kSet:
      case rdb::kHash:
      case rdb::kZset:
      case rdb::kZset2:
        return ReadTable(type, object);
      case rdb::kListQuicklist:
      case rdb::kListQuicklist2:
        return ReadNodes(type, object);
      default:
        return ReadBlob(type, object);
    }
  }

 private:
  RdbResult Failed() const {
    return in_.corrupt() == nullptr ? ShortRead() : Corrupt(in_.corrupt());
  }

  RdbResult ReadTable(uint8_t type, Object& object) {
    uint64_t count;
    if (!in_.Length(&count)) return Failed();
    // The elements of a small hash are not compared, unless the check is deep.
    bool hash_table = count > kCompactHashFields;
    bool negative_zero = false;
    // A length that lies ends with the bytes.
    for (; count > 0; --count) {
      std::string_view text;
      if (!in_.Text(&text, &first_)) return Failed();
      switch (object.type()) {
        case ObjectType::kList:
          object.list().PushBack(text);
          break;
        case ObjectType::kSet:
          if (!object.set().Add(text)) return Corrupt("Duplicate set members detected");
          break;
        case ObjectType::kHash: {
          std::string_view value;
          if (!in_.Text(&value, &second_)) return Failed();
          if (text.size() > kCompactHashBytes || value.size() > kCompactHashBytes) {
            hash_table = true;
          }
          if (object.hash().Find(text) == nullptr) {
            object.hash().Set(text, value);
          } else if (hash_table || deep_) {
            return Corrupt(hash_table ? "Duplicate hash fields detected"
                                      : "Hash with dup elements");
          }
          break;
        }
        case ObjectType::kZset: {
          double score;
          if (!ReadScore(type, &score)) return Failed();
          if (std::isnan(score)) return Corrupt("Zset with NAN score detected");
          if (!object.zset().Set(text, score)) return Corrupt("Duplicate zset fields detected");
          negative_zero = negative_zero || (score == 0 && std::signbit(score));
          break;
        }
        case ObjectType::kString:
        case ObjectType::kNone:
          break;
      }
    }
    if (negative_zero && object.zset().compact()) DropNegativeZeros(object.zset());
    return {};
  }

  bool ReadScore(uint8_t type, double* score) {
    if (type == rdb::kZset) return in_.TextScore(score);
    uint64_t word;
    if (!in_.Word(8, &word)) return false;
    *score = std::bit_cast<double>(word);
    return true;
  }

  // The packed encoding has no negative zero.
  void DropNegativeZeros(ZSet& zset) {
    for (size_t i = 0; i < zset.size();) {
      const auto& entry = zset.scores().at(i);
      if (entry.value != 0 || !std::signbit(entry.value)) {
        ++i;
        continue;
      }
      first_ = entry.key;
      zset.Erase(first_);
      zset.Set(first_, 0);
    }
  }

  RdbResult ReadNodes(uint8_t type, Object& object) {
    const bool listpacks = type == rdb::kListQuicklist2;
    uint64_t count;
    if (!in_.Length(&count)) return Failed();
    for (; count > 0; --count) {
      uint64_t container = rdb::kPacked;
      if (listpacks && !in_.Length(&container)) return Failed();
      if (container != rdb::kPacked && container != rdb::kPlain) {
        return Corrupt("Quicklist integrity check failed.");
      }
      std::string_view blob;
      if (!in_.Text(&blob, &first_)) return Failed();
      if (blob.empty()) return ShortRead();
      if (container == rdb::kPlain) {
        object.list().PushBack(blob);
      } else if (listpacks) {
        if (!ReadListpack(blob, object)) return Corrupt("Listpack integrity check failed.");
      } else if (!ReadPacked(ZiplistReader(blob), true, object)) {
        return Corrupt("Ziplist integrity check failed.");
      }
    }
    return {};
  }

  RdbResult ReadBlob(uint8_t type, Object& object) {
    std::string_view blob;
    if (!in_.Text(&blob, &first_)) return Failed();
    switch (type) {
      case rdb::kHashZipmap:
        // By the size of the elements too: Hash::Set() does that.
        return ReadPacked(ZipmapReader(blob), true, object)
                   ? RdbResult()
                   : Corrupt("Zipmap integrity check failed.");
      case rdb::kListZiplist:
        return ReadPacked(ZiplistReader(blob), true, object)
                   ? RdbResult()
                   : Corrupt("List ziplist integrity check failed.");
      case rdb::kSetIntset:
        return ReadPacked(IntsetReader(blob), deep_, object)
                   ? RdbResult()
                   : Corrupt("Intset integrity check failed.");
      case rdb::kSetListpack:
        if (!ReadListpack(blob, object)) return Corrupt("Set listpack integrity check failed.");
        object.set().KeepPacked();
        return {};
      case rdb::kZsetZiplist:
      case rdb::kZsetListpack: {
        const bool fits = type == rdb::kZsetListpack
                              ? ReadListpack(blob, object)
                              : ReadPacked(ZiplistReader(blob), true, object);
        if (!fits) {
          return Corrupt(type == rdb::kZsetListpack ? "Zset listpack integrity check failed."
                                                    : "Zset ziplist integrity check failed.");
        }
        object.zset().KeepPacked();
        return {};
      }
      default: {
        const bool fits = type == rdb::kHashListpack
                              ? ReadListpack(blob, object)
                              : ReadPacked(ZiplistReader(blob), true, object);
        if (!fits) {
          return Corrupt(type == rdb::kHashListpack ? "Hash listpack integrity check failed."
                                                    : "Hash ziplist integrity check failed.");
        }
        object.hash().KeepPacked();
        return {};
      }
    }
  }

  bool ReadListpack(std::string_view blob, Object& object) {
    const ListpackReader reader(blob);
    // A server looks no further at one that says it is empty, unless the check is deep.
    if (!deep_ && reader.HeaderFits() && reader.DeclaredEmpty()) return true;
    return ReadPacked(reader, deep_, object);
  }

  // Adds the elements of a packed blob. False if the blob is bad: in its header, or, if the check
  // is deep, anywhere, or if a member is in it twice, or a score or value is missing.
  template <class Reader>
  bool ReadPacked(Reader reader, bool deep, Object& object) {
    if (!reader.HeaderFits()) return false;
    char digits[kNumberBufferSize];
    char more_digits[kNumberBufferSize];
    for (;;) {
      PackedElement element;
      PackedStep step = reader.Next(&element);
      if (step == PackedStep::kEnd) return !deep || EndsWell(reader);
      if (step == PackedStep::kBroken) return !deep;
      const std::string_view text = element.Text(digits);
      if (object.type() == ObjectType::kList) {
        object.list().PushBack(text);
        continue;
      }
      if (object.type() == ObjectType::kSet) {
        if (!object.set().Add(text) && deep) return false;
        continue;
      }
      PackedElement second;
      step = reader.Next(&second);
      if (step != PackedStep::kElement) return !deep;
      if (!AddPair(text, second, more_digits, object)) return false;
      if (duplicate_ && deep) return false;
    }
  }

  static bool EndsWell(const IntsetReader&) { return true; }
  template <class Reader>
  static bool EndsWell(const Reader& reader) {
    return reader.EndsWell();
  }

  // Adds a field and its value, or a member and its score, unless it is there. False if the score
  // is not a number.
  bool AddPair(std::string_view text, const PackedElement& second, std::span<char> digits,
               Object& object) {
    if (object.type() == ObjectType::kHash) {
      duplicate_ = object.hash().Find(text) != nullptr;
      if (!duplicate_) object.hash().Set(text, second.Text(digits));
      return true;
    }
    const double score =
        second.is_number ? static_cast<double>(second.number) : ScoreOf(second.text);
    if (std::isnan(score)) return false;
    duplicate_ = object.zset().Find(text) != nullptr;
    if (!duplicate_) object.zset().Set(text, score);
    return true;
  }

  // A score as text, of which a server reads what is a number, and at most 127 bytes.
  static double ScoreOf(std::string_view text) {
    char copy[128] = {};
    text.copy(copy, sizeof copy - 1);
    return std::strtod(copy, nullptr);
  }

  RdbBytes& in_;
  const bool deep_;
  bool duplicate_ = false;  // of the last AddPair()
  std::string first_;
  std::string second_;
};

// Reads a value of a key that does not exist. After an error, or if it has no elements, the key
// does not exist.
RdbResult ReadValue(uint8_t type, ValueReader& reader, Profile profile, int db,
                    std::string_view key, Keyspace* keyspace) {
  const ObjectType object_type = ObjectTypeOf(type);
  if (object_type == ObjectType::kNone ||
      (type == rdb::kSetListpack && TraitsOf(profile).rdb_version < 11)) {
    return WrongType(type, profile);
  }
  Object& object = keyspace->Overwrite(db, key, object_type);
  RdbResult result = reader.Read(type, object);
  if (result.ok() && object.size() == 0) {
    result = {RdbError::kEmptyKey, "rdbLoadObject skipping empty key: " + std::string(key)};
  }
  if (!result.ok()) keyspace->Remove(db, key);
  return result;
}

class FileReader {
 public:
  FileReader(std::string_view rdb, const RdbReadOptions& options, Keyspace* keyspace,
             RdbReport* report)
      : rdb_(rdb),
        options_(options),
        keyspace_(*keyspace),
        report_(*report),
        in_(rdb),
        values_(&in_, options.deep) {}

  RdbResult Read() {
    std::string_view header;
    if (!in_.Take(rdb::kHeaderSize, &header)) return ShortRead();
    if (!header.starts_with(rdb::kMagic)) {
      return {RdbError::kSignature, "Wrong signature trying to load DB from file"};
    }
    report_.version = static_cast<int>(ParseCNumber(header.substr(rdb::kMagic.size())));
    if (report_.version < 1 || report_.version > TraitsOf(options_.profile).rdb_version) {
      return {RdbError::kVersion,
              "Can't handle RDB format version " + std::to_string(report_.version)};
    }
    for (;;) {
      uint8_t code;
      if (!in_.Byte(&code)) return ShortRead();
      if (code == rdb::kEnd) {
        RdbResult result = CheckSum();
        report_.size = result.ok() ? in_.at() : 0;
        return result;
      }
      RdbResult result = code >= rdb::kFunction2 ? ReadOpcode(code) : ReadKey(code);
      if (!result.ok()) return result;
    }
  }

 private:
  RdbResult Failed() const {
    return in_.corrupt() == nullptr ? ShortRead() : Corrupt(in_.corrupt());
  }
  RdbResult Done(bool good) const { return good ? RdbResult() : Failed(); }

  RdbResult ReadOpcode(uint8_t code) {
    uint64_t number;
    std::string_view text;
    uint8_t byte;
    switch (code) {
      case rdb::kFunction2:
        return Done(in_.Text(&text, &value_text_));
      case rdb::kFunctionBeforeRelease:
        return {RdbError::kUnsupported, "Pre-release function format not supported."};
      case rdb::kModuleAux:
        return {RdbError::kUnsupported, "The RDB file contains AUX module data I can't load"};
      case rdb::kIdle:
        if (!in_.Length(&idle_s_)) return Failed();
        has_idle_ = true;
        return {};
      case rdb::kFrequency:
        return Done(in_.Byte(&byte));
      case rdb::kAux:
        return ReadField();
      case rdb::kResizeDb:
        return Done(in_.Length(&number) && in_.Length(&number));
      case rdb::kExpireMs:
        if (!in_.Word(8, &number)) return Failed();
        expire_at_ = static_cast<int64_t>(number);
        return {};
      case rdb::kExpireSeconds:
        if (!in_.Word(4, &number)) return Failed();
        expire_at_ = int64_t{static_cast<int32_t>(number)} * 1000;
        return {};
      default:
        break;
    }
    // SELECTDB
    if (!in_.Length(&number)) return Failed();
    if (number >= static_cast<uint64_t>(keyspace_.databases())) {
      const bool valkey = options_.profile == Profile::kValkey80;
      return {RdbError::kDatabase,
              std::string("FATAL: Data file was created with a ") + (valkey ? "Valkey" : "Redis") +
                  " server configured to handle more than " +
                  std::to_string(keyspace_.databases()) + " databases. Exiting"};
    }
    db_ = static_cast<int>(number);
    return {};
  }

  RdbResult ReadField() {
    std::string_view name;
    std::string_view value;
    if (!in_.Text(&name, &key_text_) || !in_.Text(&value, &value_text_)) return Failed();
    if (name == "ctime") report_.ctime = ParseCNumber(value);
    if (name == "aof-base") report_.aof_base = ParseCNumber(value) != 0;
    return {};
  }

  RdbResult ReadKey(uint8_t type) {
    std::string_view key;
    if (!in_.Text(&key, &key_text_)) return Failed();
    const bool exists = keyspace_.keys(db_).Contains(key);
    std::string_view to = key;
    if (exists) {
      unused_.assign(key);
      MakeUnusedKey(keyspace_, db_, &unused_);
      to = unused_;
    }
    const RdbResult result = ReadValue(type, values_, options_.profile, db_, to, &keyspace_);
    if (result.error == RdbError::kEmptyKey) {
      ++report_.empty;
    } else if (!result.ok()) {
      return result;
    } else if (!options_.keep_expired && expire_at_ != kNoExpiry &&
               expire_at_ < keyspace_.now_ms()) {
      keyspace_.Remove(db_, to);
      ++report_.expired;
    } else if (exists) {
      keyspace_.Remove(db_, to);
      return {RdbError::kDuplicateKey,
              "RDB has duplicated key '" + std::string(key) + "' in DB " + std::to_string(db_)};
    } else {
      if (expire_at_ != kNoExpiry) keyspace_.SetExpiry(db_, key, expire_at_);
      if (has_idle_) keyspace_.SetIdle(db_, key, idle_s_);
      keyspace_.Modified(db_, key);
      ++report_.loaded;
    }
    expire_at_ = kNoExpiry;
    has_idle_ = false;
    return {};
  }

  RdbResult CheckSum() {
    if (report_.version < rdb::kFirstVersionWithChecksum) return {};
    const size_t end = in_.at();
    uint64_t stored;
    if (!in_.Word(rdb::kChecksumSize, &stored)) return ShortRead();
    if (!options_.checksum || stored == 0) return {};
    const uint64_t crc = Crc64(rdb_.substr(0, end));
    if (crc == stored) return {};
    char text[96];
    std::snprintf(text, sizeof text,
                  "Wrong RDB checksum expected: (%llx) but got (%llx). Aborting now.",
                  static_cast<unsigned long long>(crc), static_cast<unsigned long long>(stored));
    return {RdbError::kChecksum, text};
  }

  const std::string_view rdb_;
  const RdbReadOptions& options_;
  Keyspace& keyspace_;
  RdbReport& report_;
  RdbBytes in_;
  ValueReader values_;
  int db_ = 0;
  // Of the next key.
  int64_t expire_at_ = kNoExpiry;
  uint64_t idle_s_ = 0;
  bool has_idle_ = false;
  std::string key_text_;
  std::string value_text_;
  std::string unused_;
};

}  // namespace

RdbResult LoadRdb(std::string_view rdb, const RdbReadOptions& options, Keyspace* keyspace,
                  RdbReport* report) {
  RdbReport unused;
  if (report == nullptr) report = &unused;
  *report = {};
  keyspace->Flush(-1);
  KeyspaceObserver* const observer = keyspace->observer();
  keyspace->set_observer(nullptr);
  RdbResult result = FileReader(rdb, options, keyspace, report).Read();
  keyspace->set_observer(observer);
  return result;
}

bool DumpPayloadFits(std::string_view payload, Profile profile, bool checksum) {
  if (payload.size() < rdb::kFooterSize) return false;
  const std::string_view footer = payload.substr(payload.size() - rdb::kFooterSize);
  const auto most = static_cast<uint64_t>(TraitsOf(profile).rdb_version);
  if (LoadLittleEndian(footer, 2) > most) return false;
  if (!checksum) return true;
  return LoadLittleEndian(footer.substr(2), rdb::kChecksumSize) ==
         Crc64(payload.substr(0, payload.size() - rdb::kChecksumSize));
}

RdbResult ReadDumpPayload(std::string_view payload, const RdbReadOptions& options, int db,
                          std::string_view key, Keyspace* keyspace) {
  RdbBytes in(payload);
  uint8_t type;
  if (!in.Byte(&type)) return ShortRead();
  ValueReader reader(&in, options.deep);
  return ReadValue(type, reader, options.profile, db, key, keyspace);
}

void MakeUnusedKey(const Keyspace& keyspace, int db, std::string* key) {
  while (keyspace.keys(db).Contains(*key)) *key += '\0';
}

}  // namespace resprobe
