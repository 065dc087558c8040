#include "core/persistence/crc64.h"

#include <array>
#include <cstddef>

#include "core/persistence/little_endian.h"

namespace resprobe {
namespace {

constexpr uint64_t kReflectedPolynomial = 0x95ac9329ac4bc9b5;
constexpr size_t kSlices = 8;

using Tables = std::array<std::array<uint64_t, 256>, kSlices>;

// tables[k][b]: the checksum of the byte b, followed by k zero bytes.
constexpr Tables MakeTables() {
  Tables tables = {};
  for (uint64_t byte = 0; byte < 256; ++byte) {
    uint64_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) {
      crc = crc >> 1 ^ ((crc & 1) != 0 ? kReflectedPolynomial : 0);
    }
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < kSlices; ++k) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint64_t before = tables[k - 1][byte];
      tables[k][byte] = tables[0][before & 0xff] ^ before >> 8;
    }
  }
  return tables;
}
constexpr Tables kTables = MakeTables();

}  // namespace

uint64_t Crc64(uint64_t crc, std::string_view bytes) {
  while (bytes.size() >= kSlices) {
    crc ^= LoadLittleEndian(bytes, kSlices);
    uint64_t next = 0;
    for (size_t k = 0; k < kSlices; ++k) next ^= kTables[kSlices - 1 - k][crc >> 8 * k & 0xff];
    crc = next;
    bytes.remove_prefix(kSlices);
  }
  for (const char c : bytes) {
    crc = kTables[0][(crc ^ static_cast<uint8_t>(c)) & 0xff] ^ crc >> 8;
  }
  return crc;
}

}  // namespace resprobe
