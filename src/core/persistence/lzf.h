#ifndef RESPROBE_CORE_PERSISTENCE_LZF_H_
#define RESPROBE_CORE_PERSISTENCE_LZF_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace resprobe {

// LZF, the compression of strings in RDB files: a control byte c < 32 is followed by c + 1 bytes;
// any other is a copy of earlier output, n = c >> 5 (if 7, plus the next byte) + 2 bytes from
// ((c & 31) << 8 | next byte) + 1 bytes back.

// The most bytes that one compressed byte can become: 264 bytes from a copy of three.
inline constexpr size_t kMostLzfExpansion = 88;

// Decompresses to exactly `size` bytes. False, with `out` cleared, if the bytes are not those of
// `size` bytes; nothing is allocated for a size that they cannot have. As on the server, any bytes
// will do for 0 bytes.
bool LzfDecompress(std::string_view compressed, uint64_t size, std::string* out);

// Finds the same matches as the server's lzf_compress(), with memory in proportion to the input
// instead of its table of 64 Ki positions.
class LzfCompressor {
 public:
  // False, with `out` unspecified, if the result would have more than `limit` bytes.
  bool Compress(std::string_view in, size_t limit, std::string* out);

 private:
  struct Slot {
    uint32_t position;  // + 1; 0: free
    uint32_t hash;
  };

  // Exchanges the position of this hash, 0 if there was none.
  uint32_t Exchange(uint32_t hash, uint32_t position);

  std::vector<Slot> slots_;
  size_t mask_ = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_PERSISTENCE_LZF_H_
