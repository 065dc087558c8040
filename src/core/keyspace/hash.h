#ifndef RESPROBE_CORE_KEYSPACE_HASH_H_
#define RESPROBE_CORE_KEYSPACE_HASH_H_

#include <cstdint>
#include <cstring>
#include <string_view>

namespace resprobe {

// Keys are short and looked up constantly, in instrumented code, where every branch and every C
// library call is expensive. So these functions read whole words, which overlap where necessary.

inline uint64_t LoadWord(const char* bytes) {
  uint64_t word;
  std::memcpy(&word, bytes, 8);
  return word;
}
inline uint32_t LoadHalf(const char* bytes) {
  uint32_t half;
  std::memcpy(&half, bytes, 4);
  return half;
}

// The bytes of a text of at most 16 bytes as two words; with its size they identify it.
struct ShortText {
  uint64_t first;
  uint64_t last;
};
inline ShortText LoadShortText(std::string_view text) {
  const char* p = text.data();
  const size_t n = text.size();
  if (n >= 8) return {LoadWord(p), LoadWord(p + n - 8)};
  if (n >= 4) return {LoadHalf(p), LoadHalf(p + n - 4)};
  if (n == 0) return {0, 0};
  const auto byte = [p](size_t i) -> uint64_t { return static_cast<unsigned char>(p[i]); };
  return {byte(0), byte(n / 2) << 8 | byte(n - 1)};
}

// Up to this many bytes are compared here, not by memcmp(), which an engine intercepts.
inline constexpr size_t kInlineBytes = 64;

inline bool SameBytes(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  if (a.size() > kInlineBytes) return std::memcmp(a.data(), b.data(), a.size()) == 0;
  while (a.size() > 16) {
    if (LoadWord(a.data()) != LoadWord(b.data())) return false;
    a.remove_prefix(8);
    b.remove_prefix(8);
  }
  const ShortText x = LoadShortText(a);
  const ShortText y = LoadShortText(b);
  return ((x.first ^ y.first) | (x.last ^ y.last)) == 0;
}

// A fixed hash of bytes: it is the same in every run, so nothing that depends on it differs between
// runs. It does not defend against chosen collisions; a fuzzer's inputs are small.
inline uint32_t HashBytes(std::string_view bytes) {
  constexpr uint64_t kFactor = 0xff51afd7ed558ccd;
  uint64_t h = 0x9e3779b97f4a7c15 ^ bytes.size();
  while (bytes.size() > 16) {
    h = (h ^ LoadWord(bytes.data())) * kFactor;
    h ^= h >> 32;
    bytes.remove_prefix(8);
  }
  const ShortText rest = LoadShortText(bytes);
  h = (h ^ rest.first) * kFactor;
  h ^= h >> 32;
  h = (h ^ rest.last) * kFactor;
  return static_cast<uint32_t>(h ^ (h >> 32));
}

}  // namespace resprobe

#endif  // RESPROBE_CORE_KEYSPACE_HASH_H_
