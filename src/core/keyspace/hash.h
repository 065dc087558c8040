#ifndef RESPROBE_CORE_KEYSPACE_HASH_H_
#define RESPROBE_CORE_KEYSPACE_HASH_H_

#include <cstdint>
#include <cstring>
#include <string_view>

namespace resprobe {

// A fixed hash of bytes: the same on every machine and in every run, so nothing that depends on it
// differs between runs. It does not defend against chosen collisions; a fuzzer's inputs are small.
inline uint32_t HashBytes(std::string_view bytes) {
  uint64_t h = 0x9e3779b97f4a7c15 ^ bytes.size();
  const char* p = bytes.data();
  size_t left = bytes.size();
  const auto mix = [&h](uint64_t word) {
    h = (h ^ word) * 0xff51afd7ed558ccd;
    h ^= h >> 32;
  };
  for (; left >= 8; left -= 8, p += 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    mix(word);
  }
  if (left > 0) {
    uint64_t word = 0;
    for (size_t i = 0; i < left; ++i) word |= uint64_t{static_cast<unsigned char>(p[i])} << (8 * i);
    mix(word);
  }
  return static_cast<uint32_t>(h ^ (h >> 29));
}

}  // namespace resprobe

#endif  // RESPROBE_CORE_KEYSPACE_HASH_H_
