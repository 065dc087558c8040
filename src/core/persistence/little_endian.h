#ifndef RESPROBE_CORE_PERSISTENCE_LITTLE_ENDIAN_H_
#define RESPROBE_CORE_PERSISTENCE_LITTLE_ENDIAN_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace resprobe {

// The first `size` bytes, at most 8, as a number; `bytes` must have as many.
inline uint64_t LoadLittleEndian(std::string_view bytes, size_t size) {
  if constexpr (std::endian::native == std::endian::little) {
    uint64_t value = 0;
    std::memcpy(&value, bytes.data(), size);
    return value;
  }
  uint64_t value = 0;
  for (size_t i = size; i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

// The same, with a sign.
inline int64_t LoadSigned(std::string_view bytes, size_t size) {
  const int unused = static_cast<int>(64 - 8 * size);
  return static_cast<int64_t>(LoadLittleEndian(bytes, size) << unused) >> unused;
}

inline void AppendLittleEndian(uint64_t value, size_t size, std::string* out) {
  for (size_t i = 0; i < size; ++i) *out += static_cast<char>(value >> 8 * i & 0xff);
}

// Overwrites `size` bytes of `out` at `at`.
inline void StoreLittleEndian(uint64_t value, size_t size, size_t at, std::string* out) {
  for (size_t i = 0; i < size; ++i) (*out)[at + i] = static_cast<char>(value >> 8 * i & 0xff);
}

}  // namespace resprobe

#endif  // RESPROBE_CORE_PERSISTENCE_LITTLE_ENDIAN_H_
