#ifndef RESPROBE_CORE_QUERY_CHARS_H_
#define RESPROBE_CORE_QUERY_CHARS_H_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

// Classes of bytes, those of the C locale on every machine. Bytes from 0x80 on belong to words, so
// any UTF-8 is word text.
namespace resprobe::query {

enum CharClass : uint8_t {
  kWordByte = 1,   // letters, digits, `_`, 0x80 and above
  kDigitByte = 2,  // 0-9
  kEscapable = 4,  // punctuation and white space: a backslash makes them part of a word
};

inline constexpr std::array<uint8_t, 256> kCharClass = [] {
  std::array<uint8_t, 256> table{};
  for (int c = 0; c < 256; ++c) {
    const bool digit = c >= '0' && c <= '9';
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool space = c == ' ' || (c >= '\t' && c <= '\r');
    const bool punct = c > ' ' && c < 0x7f && !digit && !letter;
    uint8_t bits = 0;
    if (digit || letter || c == '_' || c >= 0x80) bits |= kWordByte;
    if (digit) bits |= kDigitByte;
    if (punct || space) bits |= kEscapable;
    table[static_cast<size_t>(c)] = bits;
  }
  return table;
}();

inline uint8_t ClassOf(char c) { return kCharClass[static_cast<uint8_t>(c)]; }

constexpr char LowerCase(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// `lower` must be in lower case.
inline bool EqualsNoCase(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (LowerCase(text[i]) != lower[i]) return false;
  }
  return true;
}

// Counts the characters of UTF-8 text by their first bytes; every other byte counts as one.
inline size_t CountChars(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += (static_cast<uint8_t>(c) & 0xc0) != 0x80;
  return count;
}

// A mask of the first `size` bytes, in memory order, of an integer; `size` is 1 to 8.
inline uint64_t FirstBytes(uint32_t size) {
  const uint32_t rest = (8 - size) * 8;
  return std::endian::native == std::endian::little ? UINT64_MAX >> rest : UINT64_MAX << rest;
}

}  // namespace resprobe::query

#endif  // RESPROBE_CORE_QUERY_CHARS_H_
