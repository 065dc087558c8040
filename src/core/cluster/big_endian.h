#ifndef RESPROBE_CORE_CLUSTER_BIG_ENDIAN_H_
#define RESPROBE_CORE_CLUSTER_BIG_ENDIAN_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace resprobe::cluster {

// The first `size` bytes, at most 8, as a number; `bytes` must have as many.
inline uint64_t LoadBigEndian(std::string_view bytes, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

// `size`: at most 8.
inline void AppendBigEndian(uint64_t value, size_t size, std::string* out) {
  char bytes[8];
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(value >> 8 * (size - 1 - i));
  out->append(bytes, size);
}

// Overwrites `size` bytes of `out` at `at`.
inline void StoreBigEndian(uint64_t value, size_t size, size_t at, std::string* out) {
  for (size_t i = 0; i < size; ++i) {
    (*out)[at + i] = static_cast<char>(value >> 8 * (size - 1 - i) & 0xff);
  }
}

// The bytes in reverse order.
inline uint64_t Swapped(uint64_t value) { return __builtin_bswap64(value); }

}  // namespace resprobe::cluster

#endif  // RESPROBE_CORE_CLUSTER_BIG_ENDIAN_H_
