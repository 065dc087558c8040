#ifndef RESPROBE_CORE_PERSISTENCE_RDB_FORMAT_H_
#define RESPROBE_CORE_PERSISTENCE_RDB_FORMAT_H_

#include <cstdint>
#include <string_view>

namespace resprobe::rdb {

inline constexpr std::string_view kMagic = "REDIS";
inline constexpr size_t kHeaderSize = 9;  // the magic, and the version in four digits
inline constexpr size_t kChecksumSize = 8;
inline constexpr size_t kFooterSize = 10;  // of a DUMP payload: version and checksum
inline constexpr int kFirstVersionWithChecksum = 5;

// The types of values (redis 7.0 and valkey 8.0 rdb.h).
enum Type : uint8_t {
  kString = 0,
  kList = 1,
  kSet = 2,
  kZset = 3,  // scores as text
  kHash = 4,
  kZset2 = 5,  // binary scores
  kModule = 6,
  kModule2 = 7,
  kHashZipmap = 9,
  kListZiplist = 10,
  kSetIntset = 11,
  kZsetZiplist = 12,
  kHashZiplist = 13,
  kListQuicklist = 14,  // of ziplists
  kStreamListpacks = 15,
  kHashListpack = 16,
  kZsetListpack = 17,
  kListQuicklist2 = 18,  // of listpacks and plain strings
  kStreamListpacks2 = 19,
  kSetListpack = 20,
  kStreamListpacks3 = 21,
};

enum Opcode : uint8_t {
  kFunction2 = 245,
  kFunctionBeforeRelease = 246,
  kModuleAux = 247,
  kIdle = 248,
  kFrequency = 249,
  kAux = 250,
  kResizeDb = 251,
  kExpireMs = 252,
  kExpireSeconds = 253,
  kSelectDb = 254,
  kEnd = 255,
};

// The forms of a string that is not its length and its bytes.
enum StringEncoding : uint8_t { kInt8 = 0, kInt16 = 1, kInt32 = 2, kLzf = 3 };

// The containers of the nodes of a kListQuicklist2.
enum Container : uint8_t { kPlain = 1, kPacked = 2 };

}  // namespace resprobe::rdb

#endif  // RESPROBE_CORE_PERSISTENCE_RDB_FORMAT_H_
