#ifndef RESPROBE_LIVE_RESTORE_PAYLOAD_H_
#define RESPROBE_LIVE_RESTORE_PAYLOAD_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "live/restore/restore_world.h"

// The payloads of DUMP and RESTORE, taken apart far enough to be broken in one place: the RDB form
// of a value as a list of lengths, strings and plain bytes. Unlike a codec it keeps what is wrong,
// writes what is wrong, and judges nothing.
namespace resprobe::live {

// The types of values in RDB files of redis 2.0 to valkey 8.0.
enum class RdbType : uint8_t {
  kString = 0,
  kList = 1,
  kSet = 2,
  kZSetText = 3,  // scores as text
  kHash = 4,
  kZSet = 5,
  kZipmapHash = 9,
  kZiplistList = 10,
  kIntset = 11,
  kZiplistZSet = 12,
  kZiplistHash = 13,
  kZiplistQuicklist = 14,
  kStream1 = 15,
  kListpackHash = 16,
  kListpackZSet = 17,
  kQuicklist = 18,
  kStream2 = 19,
  kListpackSet = 20,
  kStream3 = 21,
};

// What the bytes of a string are.
enum class Blob : uint8_t { kPlain, kListpack, kZiplist, kIntset, kZipmap, kStreamListpack };

struct PayloadPart {
  enum class Kind : uint8_t { kLength, kString, kBytes };
  Kind kind = Kind::kBytes;
  uint64_t length = 0;       // kLength
  std::string bytes;         // of a string, decoded; or as they are
  Blob blob = Blob::kPlain;  // kString
  enum class Coding : uint8_t { kRaw, kInteger, kLzf };
  Coding coding = Coding::kRaw;  // kString
  // Written instead of all the above, if not empty.
  std::string written = {};
};

struct PayloadValue {
  uint8_t type = 0;
  std::vector<PayloadPart> parts;

  RdbType rdb_type() const { return static_cast<RdbType>(type); }
};

// Takes a value apart. What does not fit its type is one part of plain bytes at the end.
PayloadValue ParsePayload(std::string_view value);
std::string WritePayload(const PayloadValue& value);

// The value of a DUMP payload without its footer; nullopt if it is too short for one.
struct DumpedValue {
  std::string value;
  uint16_t version = 0;
};
std::optional<DumpedValue> SplitDump(std::string_view dump);
// The payload of a value. `version`: that of the server's RDB format.
std::string JoinDump(std::string_view value, Footer footer, uint16_t version);

// The CRC-64 of RDB files (Jones, reflected).
uint64_t RdbChecksum(std::string_view bytes);

// The forms of a length: 0 the shortest, then 6, 14, 32 and 64 bits.
inline constexpr int kLengthForms = 5;
void AppendLength(std::string* out, uint64_t length, int form = 0);
// A string as its length and its bytes.
void AppendPlainString(std::string* out, std::string_view bytes);
// LZF of the bytes.
std::string CompressLzf(std::string_view bytes);
// nullopt if it is malformed, or does not have this size.
std::optional<std::string> DecompressLzf(std::string_view compressed, size_t size);

// The bytes of a little-endian number.
template <class Int>
std::string LittleEndian(Int value) {
  std::string bytes;
  for (size_t i = 0; i < sizeof(Int); ++i) {
    bytes += static_cast<char>(static_cast<uint64_t>(value) >> (i * 8));
  }
  return bytes;
}
// The number in the first sizeof(Int) bytes, of which there must be as many.
template <class Int>
Int FromLittleEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(Int); ++i) {
    value |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])) << (i * 8);
  }
  return static_cast<Int>(value);
}

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_RESTORE_PAYLOAD_H_
