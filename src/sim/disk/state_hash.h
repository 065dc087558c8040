#ifndef RESPROBE_SIM_DISK_STATE_HASH_H_
#define RESPROBE_SIM_DISK_STATE_HASH_H_

// The digest of a tree of files: the sum over all paths, so that a file that changes is one
// subtraction and one addition. Equal trees have equal digests, on every machine.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace resprobe {

inline uint64_t MixBits(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

inline uint64_t ContentDigest(std::string_view bytes) {
  uint64_t digest = 0x9e3779b97f4a7c15 ^ bytes.size();
  while (!bytes.empty()) {
    uint64_t word = 0;
    const size_t size = std::min<size_t>(bytes.size(), 8);
    if (size == 8) {
      std::memcpy(&word, bytes.data(), 8);
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

inline constexpr uint64_t kRootDigest = 0x5265737050726f62;
inline constexpr uint64_t kDirectoryDigest = 0x4469726563746f72;

// Of an entry, from that of its directory's path.
inline uint64_t PathDigest(uint64_t directory, std::string_view name) {
  return MixBits(directory ^ ContentDigest(name));
}
// What a path adds to the digest of the tree.
inline uint64_t TreeTerm(uint64_t path, uint64_t content) {
  return MixBits(path * 3 ^ MixBits(content));
}

}  // namespace resprobe

#endif  // RESPROBE_SIM_DISK_STATE_HASH_H_
