#ifndef RESPROBE_CORE_RESP_SCAN_H_
#define RESPROBE_CORE_RESP_SCAN_H_

// Fast readers for the forms that servers commonly send. They return false on anything unusual and
// on anything not completely in [p, end); the parser has slower paths for those.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace resprobe::resp::scan {

inline constexpr uint64_t kOnes = 0x0101010101010101;
inline constexpr uint64_t kHighs = 0x8080808080808080;

[[gnu::always_inline]] inline uint64_t Load8(const char* p) {
  uint64_t word;
  std::memcpy(&word, p, 8);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word;
}

[[gnu::always_inline]] inline uint32_t Load4(const char* p) {
  uint32_t word;
  std::memcpy(&word, p, 4);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap32(word);
  return word;
}

[[gnu::always_inline]] inline bool IsCrLf(const char* p) { return p[0] == '\r' && p[1] == '\n'; }

// Reads a length or count and its CRLF: at most eight digits, no leading zero. Moves `p` after it.
[[gnu::always_inline]] inline bool Count(const char*& p, const char* end, uint32_t& value) {
  // Most have one digit, and more bytes follow most of them.
  if (end - p >= 4) [[likely]] {
    const uint32_t word = Load4(p);
    const uint32_t digit = (word & 0xff) - '0';
    if ((word & 0xffff00) == ('\r' << 8 | '\n' << 16) && digit <= 9) {
      value = digit;
      p += 3;
      return true;
    }
  }
  const char* q = p;
  const char* const last = end - q > 8 ? q + 8 : end;
  uint32_t number = 0;
  for (uint32_t d; q != last && (d = static_cast<unsigned char>(*q - '0')) <= 9; ++q) {
    number = number * 10 + d;
  }
  if (end - q < 2 || !IsCrLf(q)) return false;
  // No digit, or a leading zero.
  if (q - p != 1 && (q == p || *p == '0')) return false;
  value = number;
  p = q + 2;
  return true;
}

// Reads "-1" and its CRLF, the length of a null in RESP2. Moves `p` after it.
[[gnu::always_inline]] inline bool MinusOne(const char*& p, const char* end) {
  if (end - p < 4 || p[0] != '-' || p[1] != '1' || !IsCrLf(p + 2)) return false;
  p += 4;
  return true;
}

// Reads up to 8 decimal digits at `p`: their value and their number. It does not branch on the
// number of digits, which would be mispredicted in a stream of numbers of different sizes.
[[gnu::always_inline]] inline uint32_t EightDigits(const char* p, uint32_t& count) {
  // Digits become 0 to 9; the first byte that is not a digit gets its high bit set.
  uint64_t word = Load8(p) ^ (kOnes * '0');
  const uint64_t others = ((word + kOnes * (0x80 - 10)) | word) & kHighs;
  count = static_cast<uint32_t>(std::countr_zero(others)) / 8;
  // Shift the digits to the high end, zeros before them; then add neighbours, three times.
  word = count == 0 ? 0 : word << (64 - 8 * count);
  word = word * 10 + (word >> 8);
  constexpr uint64_t kPairs = 0x000000ff000000ff;
  return static_cast<uint32_t>(((word & kPairs) * (100 + (1000000ull << 32)) +
                                ((word >> 16) & kPairs) * (1 + (10000ull << 32))) >>
                               32);
}

// Reads an integer of at most 18 digits, with an optional minus sign, and its CRLF. Moves `p` after
// it.
[[gnu::always_inline]] inline bool Integer(const char*& p, const char* end, int64_t& value) {
  const char* q = p;
  const bool negative = q != end && *q == '-';
  q += negative;
  const char* const first = q;
  const char* const last = end - q > 18 ? q + 18 : end;
  int64_t number = 0;
  if (end - q >= 10) [[likely]] {
    uint32_t count;
    number = EightDigits(q, count);
    q += count;
    if (count < 8) {
      if (count == 0 || !IsCrLf(q)) return false;
      value = negative ? -number : number;
      p = q + 2;
      return true;
    }
  }
  for (uint32_t d; q != last && (d = static_cast<unsigned char>(*q - '0')) <= 9; ++q) {
    number = number * 10 + d;
  }
  if (q == first || end - q < 2 || !IsCrLf(q)) return false;
  value = negative ? -number : number;
  p = q + 2;
  return true;
}

// The first CR or LF at or after `p`, or `end`. For such short texts a call of memchr costs more.
[[gnu::always_inline]] inline const char* LineEnd(const char* p, const char* end) {
  for (; end - p >= 8; p += 8) {
    const uint64_t word = Load8(p);
    const uint64_t cr = word ^ (kOnes * '\r');
    const uint64_t lf = word ^ (kOnes * '\n');
    const uint64_t found = (((cr - kOnes) & ~cr) | ((lf - kOnes) & ~lf)) & kHighs;
    if (found != 0) return p + std::countr_zero(found) / 8;
  }
  while (p != end && *p != '\r' && *p != '\n') ++p;
  return p;
}

}  // namespace resprobe::resp::scan

#endif  // RESPROBE_CORE_RESP_SCAN_H_
