#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

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

// AddressSanitizer guards, in every call of a function, all objects that any of its paths has on
// the stack. So what is rare is a function of its own: a snapshot of few keys is loaded twice as
// fast.
#define RESPROBE_RARE [[gnu::noinline]]

// Reads bytes, and keeps the first error. Functions return false after one.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : in(bytes) {}

  RESPROBE_RARE bool Fail(RdbError error, std::string text) {
    result = {error, std::move(text)};
    return false;
  }
  RESPROBE_RARE bool Corrupt(const char* why) { return Fail(RdbError::kCorrupt, why); }
  RESPROBE_RARE bool ShortRead() {
    return Fail(RdbError::kShortRead,
                "Short read or OOM loading DB. Unrecoverable error, aborting now.");
  }
  // After a read of `in` that has returned false.
  bool Failed() { return in.corrupt() == nullptr ? ShortRead() : Corrupt(in.corrupt()); }
  bool Done(bool good) { return good || Failed(); }

  RdbBytes in;
  RdbResult result;
};

// Reads one value into an empty object of the type's ObjectType.
class ValueReader {
 public:
  ValueReader(Reader* reader, bool deep) : reader_(*reader), in_(reader->in), deep_(deep) {}

  bool Read(uint8_t type, Object& object) {
    switch (type) {
      case rdb::kString: {
        std::string_view text;
        if (!in_.Text(&text, &first_)) return reader_.Failed();
        object.string().assign(text);
        return true;
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
  bool ReadTable(uint8_t type, Object& object) {
    uint64_t count;
    if (!in_.Length(&count)) return reader_.Failed();
    // The elements of a small hash are not compared, unless the check is deep.
    hash_table_ = count > kCompactHashFields;
    negative_zero_ = false;
    // A length that lies ends with the bytes.
    for (; count > 0; --count) {
      std::string_view text;
      if (!in_.Text(&text, &first_)) return reader_.Failed();
      switch (object.type()) {
        case ObjectType::kList:
          object.list().PushBack(text);
          break;
        case ObjectType::kSet:
          if (!object.set().Add(text)) return reader_.Corrupt("Duplicate set members detected");
          break;
        case ObjectType::kHash:
          if (!ReadField(text, object.hash())) return false;
          break;
        case ObjectType::kZset:
          if (!ReadMember(type, text, object.zset())) return false;
          break;
        case ObjectType::kString:
        case ObjectType::kNone:
          break;
      }
    }
    if (negative_zero_) DropNegativeZeros(object.zset());
    return true;
  }

  RESPROBE_RARE bool ReadField(std::string_view field, Hash& hash) {
    std::string_view value;
    if (!in_.Text(&value, &second_)) return reader_.Failed();
    if (field.size() > kCompactHashBytes || value.size() > kCompactHashBytes) hash_table_ = true;
    const size_t before = hash.size();
    const std::string* const known = hash_table_ || deep_ ? nullptr : hash.Find(field);
    if (known != nullptr) return true;
    hash.Set(field, value);
    return hash.size() > before || reader_.Corrupt(hash_table_ ? "Duplicate hash fields detected"
                                                               : "Hash with dup elements");
  }

  RESPROBE_RARE bool ReadMember(uint8_t type, std::string_view member, ZSet& zset) {
    double score;
    if (!ReadScore(type, &score)) return reader_.Failed();
    if (std::isnan(score)) return reader_.Corrupt("Zset with NAN score detected");
    if (!zset.Set(member, score)) return reader_.Corrupt("Duplicate zset fields detected");
    negative_zero_ = negative_zero_ || (score == 0 && std::signbit(score));
    return true;
  }

  bool ReadScore(uint8_t type, double* score) {
    if (type == rdb::kZset) return in_.TextScore(score);
    uint64_t word;
    if (!in_.Word(8, &word)) return false;
    *score = std::bit_cast<double>(word);
    return true;
  }

  void KeepPacked(ZSet& zset) {
    zset.KeepPacked();
    if (negative_zero_) DropNegativeZeros(zset);
  }

  // No server writes a negative zero in the packed encoding.
  RESPROBE_RARE void DropNegativeZeros(ZSet& zset) {
    if (!zset.compact()) return;
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

  RESPROBE_RARE bool ReadNodes(uint8_t type, Object& object) {
    const bool listpacks = type == rdb::kListQuicklist2;
    uint64_t count;
    if (!in_.Length(&count)) return reader_.Failed();
    for (; count > 0; --count) {
      uint64_t container = rdb::kPacked;
      if (listpacks && !in_.Length(&container)) return reader_.Failed();
      if (container != rdb::kPacked && container != rdb::kPlain) {
        return reader_.Corrupt("Quicklist integrity check failed.");
      }
      std::string_view blob;
      if (!in_.Text(&blob, &first_)) return reader_.Failed();
      if (blob.empty()) return reader_.ShortRead();
      if (container == rdb::kPlain) {
        object.list().PushBack(blob);
      } else if (listpacks) {
        if (!ReadListpack(blob, object)) return reader_.Corrupt("Listpack integrity check failed.");
      } else if (!ReadPacked(ZiplistReader(blob), true, object)) {
        return reader_.Corrupt("Ziplist integrity check failed.");
      }
    }
    return true;
  }

  RESPROBE_RARE bool ReadBlob(uint8_t type, Object& object) {
    negative_zero_ = false;
    std::string_view blob;
    if (!in_.Text(&blob, &first_)) return reader_.Failed();
    switch (type) {
      case rdb::kHashZipmap:
        // Its encoding depends on the sizes of the elements too, as Hash::Set() has it.
        return ReadPacked(ZipmapReader(blob), true, object) ||
               reader_.Corrupt("Zipmap integrity check failed.");
      case rdb::kListZiplist:
        return ReadPacked(ZiplistReader(blob), true, object) ||
               reader_.Corrupt("List ziplist integrity check failed.");
      case rdb::kSetIntset:
        return ReadPacked(IntsetReader(blob), deep_, object) ||
               reader_.Corrupt("Intset integrity check failed.");
      case rdb::kSetListpack:
        if (!ReadListpack(blob, object)) {
          return reader_.Corrupt("Set listpack integrity check failed.");
        }
        object.set().KeepPacked();
        return true;
      case rdb::kZsetListpack:
        if (!ReadListpack(blob, object)) {
          return reader_.Corrupt("Zset listpack integrity check failed.");
        }
        KeepPacked(object.zset());
        return true;
      case rdb::kZsetZiplist:
        if (!ReadPacked(ZiplistReader(blob), true, object)) {
          return reader_.Corrupt("Zset ziplist integrity check failed.");
        }
        KeepPacked(object.zset());
        return true;
      case rdb::kHashListpack:
        if (!ReadListpack(blob, object)) {
          return reader_.Corrupt("Hash listpack integrity check failed.");
        }
        object.hash().KeepPacked();
        return true;
      default:
        if (!ReadPacked(ZiplistReader(blob), true, object)) {
          return reader_.Corrupt("Hash ziplist integrity check failed.");
        }
        object.hash().KeepPacked();
        return true;
    }
  }

  bool ReadListpack(std::string_view blob, Object& object) {
    const ListpackReader reader(blob);
    // A server looks no further at one that says it is empty, unless the check is deep. Half a pair
    // is none.
    const bool pairs = object.type() == ObjectType::kHash || object.type() == ObjectType::kZset;
    if (!deep_ && reader.HeaderFits() && reader.DeclaresFewerThan(pairs ? 2 : 1)) return true;
    return ReadPacked(reader, deep_, object);
  }

  // Adds the elements of a packed blob. False if the blob is bad: in its header, or, if the check
  // is deep, anywhere, or if a member is in it twice, or a score or value is missing.
  template <class Blob>
  bool ReadPacked(Blob reader, bool deep, Object& object) {
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
  template <class Blob>
  static bool EndsWell(const Blob& reader) {
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
    negative_zero_ = negative_zero_ || (score == 0 && std::signbit(score));
    return true;
  }

  // A score as text, of which a server reads what is a number, and at most 127 bytes.
  static double ScoreOf(std::string_view text) {
    char copy[128] = {};
    text.copy(copy, sizeof copy - 1);
    return std::strtod(copy, nullptr);
  }

  Reader& reader_;
  RdbBytes& in_;
  const bool deep_;
  bool duplicate_ = false;  // of the last AddPair()
  // Of the table that is read.
  bool hash_table_ = false;
  bool negative_zero_ = false;
  std::string first_;
  std::string second_;
};

RESPROBE_RARE void SetWrongType(Reader& reader, uint8_t type, Profile profile) {
  reader.result = WrongType(type, profile);
}
RESPROBE_RARE void EmptyKey(Reader& reader, std::string_view key) {
  reader.Fail(RdbError::kEmptyKey, "rdbLoadObject skipping empty key: " + std::string(key));
}

// Reads a value of a key that does not exist. After an error, or if it has no elements, which is
// one, the key does not exist.
bool ReadValue(uint8_t type, Reader& reader, ValueReader& values, Profile profile, int db,
               std::string_view key, Keyspace* keyspace) {
  const ObjectType object_type = ObjectTypeOf(type);
  if (object_type == ObjectType::kNone ||
      (type == rdb::kSetListpack && TraitsOf(profile).rdb_version < 11)) {
    SetWrongType(reader, type, profile);
    return false;
  }
  Object& object = keyspace->Overwrite(db, key, object_type);
  const bool good = values.Read(type, object);
  if (good && object.size() > 0) return true;
  if (good) EmptyKey(reader, key);
  keyspace->Remove(db, key);
  return false;
}

class FileReader {
 public:
  FileReader(std::string_view rdb, const RdbReadOptions& options, Keyspace* keyspace,
             RdbReport* report)
      : rdb_(rdb),
        options_(options),
        keyspace_(*keyspace),
        report_(*report),
        reader_(rdb),
        in_(reader_.in),
        values_(&reader_, options.deep) {}

  RdbResult Read() {
    if (ReadHeader() && ReadParts() && CheckSum()) report_.size = in_.at();
    return std::move(reader_.result);
  }

 private:
  RESPROBE_RARE bool ReadHeader() {
    std::string_view header;
    if (!in_.Take(rdb::kHeaderSize, &header)) return reader_.ShortRead();
    if (!header.starts_with(rdb::kMagic)) {
      return reader_.Fail(RdbError::kSignature, "Wrong signature trying to load DB from file");
    }
    report_.version = static_cast<int>(ParseCNumber(header.substr(rdb::kMagic.size())));
    return (report_.version >= 1 && report_.version <= TraitsOf(options_.profile).rdb_version) ||
           reader_.Fail(RdbError::kVersion,
                        "Can't handle RDB format version " + std::to_string(report_.version));
  }

  bool ReadParts() {
    for (;;) {
      uint8_t code;
      if (!in_.Byte(&code)) return reader_.ShortRead();
      if (code == rdb::kEnd) return true;
      if (!(code >= rdb::kFunction2 ? ReadOpcode(code) : ReadKey(code))) return false;
    }
  }

  RESPROBE_RARE bool ReadOpcode(uint8_t code) {
    uint64_t number;
    std::string_view text;
    uint8_t byte;
    switch (code) {
      case rdb::kFunction2:
        return reader_.Done(in_.Text(&text, &value_text_));
      case rdb::kFunctionBeforeRelease:
        return reader_.Fail(RdbError::kUnsupported, "Pre-release function format not supported.");
      case rdb::kModuleAux:
        return reader_.Fail(RdbError::kUnsupported,
                            "The RDB file contains AUX module data I can't load");
      case rdb::kIdle:
        has_idle_ = true;
        return reader_.Done(in_.Length(&idle_s_));
      case rdb::kFrequency:
        return reader_.Done(in_.Byte(&byte));
      case rdb::kAux:
        return ReadField();
      case rdb::kResizeDb:
        return reader_.Done(in_.Length(&number) && in_.Length(&number));
      case rdb::kExpireMs:
        if (!in_.Word(8, &number)) return reader_.Failed();
        expire_at_ = static_cast<int64_t>(number);
        return true;
      case rdb::kExpireSeconds:
        if (!in_.Word(4, &number)) return reader_.Failed();
        expire_at_ = int64_t{static_cast<int32_t>(number)} * 1000;
        return true;
      default:
        return SelectDb();
    }
  }

  RESPROBE_RARE bool SelectDb() {
    uint64_t number;
    if (!in_.Length(&number)) return reader_.Failed();
    if (number >= static_cast<uint64_t>(keyspace_.databases())) {
      const bool valkey = options_.profile == Profile::kValkey80;
      return reader_.Fail(RdbError::kDatabase, std::string("FATAL: Data file was created with a ") +
                                                   (valkey ? "Valkey" : "Redis") +
                                                   " server configured to handle more than " +
                                                   std::to_string(keyspace_.databases()) +
                                                   " databases. Exiting");
    }
    db_ = static_cast<int>(number);
    return true;
  }

  // As the server, whose selectDb() fails then and leaves the first one selected.
  int StreamDb(int64_t number) const {
    return number >= 0 && number < keyspace_.databases() ? static_cast<int>(number) : 0;
  }

  RESPROBE_RARE bool ReadField() {
    std::string_view name;
    std::string_view value;
    if (!in_.Text(&name, &key_text_) || !in_.Text(&value, &value_text_)) return reader_.Failed();
    if (name == "ctime") report_.ctime = ParseCNumber(value);
    if (name == "aof-base") report_.aof_base = ParseCNumber(value) != 0;
    if (name == "repl-stream-db") report_.stream_db = StreamDb(ParseCNumber(value));
    return true;
  }

  bool ReadKey(uint8_t type) {
    std::string_view key;
    if (!in_.Text(&key, &key_text_)) return reader_.Failed();
    const bool exists = keyspace_.keys(db_).Contains(key);
    std::string_view to = key;
    if (exists) {
      unused_.assign(key);
      MakeUnusedKey(keyspace_, db_, &unused_);
      to = unused_;
    }
    if (!ReadValue(type, reader_, values_, options_.profile, db_, to, &keyspace_)) {
      if (reader_.result.error != RdbError::kEmptyKey) return false;
      reader_.result.error = RdbError::kNone;
      reader_.result.text.clear();
      ++report_.empty;
    } else if (!options_.keep_expired && expire_at_ != kNoExpiry &&
               expire_at_ < keyspace_.now_ms()) {
      keyspace_.Remove(db_, to);
      ++report_.expired;
    } else if (exists) {
      keyspace_.Remove(db_, to);
      return Duplicate(key);
    } else {
      if (expire_at_ != kNoExpiry) keyspace_.SetExpiry(db_, key, expire_at_);
      if (has_idle_) keyspace_.SetIdle(db_, key, idle_s_);
      keyspace_.Modified(db_, key);
      ++report_.loaded;
    }
    expire_at_ = kNoExpiry;
    has_idle_ = false;
    return true;
  }

  RESPROBE_RARE bool Duplicate(std::string_view key) {
    return reader_.Fail(RdbError::kDuplicateKey, "RDB has duplicated key '" + std::string(key) +
                                                     "' in DB " + std::to_string(db_));
  }

  RESPROBE_RARE bool CheckSum() {
    if (report_.version < rdb::kFirstVersionWithChecksum) return true;
    const size_t end = in_.at();
    uint64_t stored;
    if (!in_.Word(rdb::kChecksumSize, &stored)) return reader_.ShortRead();
    if (!options_.checksum || stored == 0) return true;
    const uint64_t crc = Crc64(rdb_.substr(0, end));
    if (crc == stored) return true;
    char text[96];
    std::snprintf(text, sizeof text,
                  "Wrong RDB checksum expected: (%llx) but got (%llx). Aborting now.",
                  static_cast<unsigned long long>(crc), static_cast<unsigned long long>(stored));
    return reader_.Fail(RdbError::kChecksum, text);
  }

  const std::string_view rdb_;
  const RdbReadOptions& options_;
  Keyspace& keyspace_;
  RdbReport& report_;
  Reader reader_;
  RdbBytes& in_;
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

#undef RESPROBE_RARE

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
  Reader reader(payload);
  ValueReader values(&reader, options.deep);
  uint8_t type;
  if (!reader.in.Byte(&type)) {
    reader.ShortRead();
  } else {
    ReadValue(type, reader, values, options.profile, db, key, keyspace);
  }
  return std::move(reader.result);
}

void MakeUnusedKey(const Keyspace& keyspace, int db, std::string* key) {
  while (keyspace.keys(db).Contains(*key)) *key += '\0';
}

}  // namespace resprobe
