#include "worlds/rdb/rdb_tape.h"

#include <array>

#include "core/persistence/crc64.h"
#include "core/persistence/little_endian.h"
#include "core/persistence/rdb_format.h"

namespace resprobe {
namespace {

enum : uint8_t { kFile = 1, kMended = 2, kValkey = 4, kDeep = 8 };

}  // namespace

uint64_t PlainCrc64(std::string_view bytes) {
  // The remainder of each byte, bit by bit.
  static constexpr auto kRemainders = [] {
    std::array<uint64_t, 256> remainders = {};
    for (uint64_t byte = 0; byte < 256; ++byte) {
      uint64_t crc = byte;
      for (int bit = 0; bit < 8; ++bit) {
        crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x95ac9329ac4bc9b5 : 0);
      }
      remainders[byte] = crc;
    }
    return remainders;
  }();
  uint64_t crc = 0;
  for (const char byte : bytes) {
    crc = crc >> 8 ^ kRemainders[(crc ^ static_cast<uint8_t>(byte)) & 0xff];
  }
  return crc;
}

void DecodeRdbTape(Bytes input, RdbTape* tape) {
  const uint8_t choices = input.empty() ? 0 : input[0];
  tape->is_file = (choices & kFile) != 0;
  tape->mended = (choices & kMended) != 0;
  tape->deep = (choices & kDeep) != 0;
  tape->profile = (choices & kValkey) != 0 ? Profile::kValkey80 : Profile::kRedis70;
  tape->bytes = {reinterpret_cast<const char*>(input.data()), input.size()};
  tape->bytes.remove_prefix(input.empty() ? 0 : 1);
  if (!tape->mended || tape->bytes.size() < rdb::kFooterSize) return;
  const size_t end = tape->bytes.size() - rdb::kChecksumSize;
  const uint64_t checksum = Crc64(tape->bytes.substr(0, end));
  if (LoadLittleEndian(tape->bytes.substr(end), rdb::kChecksumSize) == checksum) return;
  tape->mended_bytes.assign(tape->bytes);
  StoreLittleEndian(checksum, rdb::kChecksumSize, end, &tape->mended_bytes);
  tape->bytes = tape->mended_bytes;
}

uint8_t RdbTapeChoices(bool is_file, bool mended, Profile profile, bool deep) {
  return static_cast<uint8_t>((is_file ? kFile : 0) | (mended ? kMended : 0) |
                              (profile == Profile::kValkey80 ? kValkey : 0) | (deep ? kDeep : 0));
}

std::string ShowRdb(const RdbTape& tape, const RdbResult& result, const Keyspace& keyspace) {
  std::string text = tape.is_file ? "RDB file" : "DUMP payload";
  text += ", " + std::string(ProfileName(tape.profile));
  if (tape.mended) text += ", checksum mended";
  if (tape.deep) text += ", checked deeply";
  text += ", " + std::to_string(tape.bytes.size()) + " bytes\n";
  text += result.ok() ? "loaded\n" : "refused: " + result.text + "\n";
  for (int db = 0; db < keyspace.databases(); ++db) {
    const Dict<Object>& keys = keyspace.keys(db);
    for (size_t i = 0; i < keys.size(); ++i) {
      const Object& object = keys.at(i).value;
      text += "db " + std::to_string(db) + ": " + std::string(ObjectTypeName(object.type())) +
              " of " + std::to_string(object.size()) + ", " + std::to_string(object.bytes()) +
              " bytes";
      if (object.expire_at() != kNoExpiry) {
        text += ", expires at " + std::to_string(object.expire_at());
      }
      text += "\n";
    }
  }
  return text;
}

}  // namespace resprobe
