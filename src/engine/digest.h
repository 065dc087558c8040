#ifndef RESPROBE_ENGINE_DIGEST_H_
#define RESPROBE_ENGINE_DIGEST_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace resprobe {

// A number that depends on every byte. A harness derives its other choices (where to cut the bytes,
// which checks to make) from it, so that the bytes stay what a client or server would send.
inline uint64_t Digest(std::string_view bytes) {
  uint64_t digest = 0x9e3779b97f4a7c15 ^ bytes.size();
  while (!bytes.empty()) {
    uint64_t word = 0;
    const size_t size = std::min<size_t>(bytes.size(), 8);
    if (size == 8) {
      std::memcpy(&word, bytes.data(), 8);
    } else if (size >= 4) {
      uint32_t first;
      uint32_t last;  // of which some bytes may be in `first` too
      std::memcpy(&first, bytes.data(), 4);
      std::memcpy(&last, bytes.data() + size - 4, 4);
      word = first | uint64_t{last} << (8 * (size - 4));
    } else {
      for (size_t i = 0; i < size; ++i) {
        word |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
      }
    }
    digest = (digest ^ word) * 0xbf58476d1ce4e5b9;
    digest ^= digest >> 29;
    bytes.remove_prefix(size);
  }
  return digest;
}

}  // namespace resprobe

#endif  // RESPROBE_ENGINE_DIGEST_H_
