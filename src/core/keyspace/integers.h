#ifndef RESPROBE_CORE_KEYSPACE_INTEGERS_H_
#define RESPROBE_CORE_KEYSPACE_INTEGERS_H_

#include <cstdint>
#include <span>
#include <string_view>

namespace resprobe {

// The result is returned in registers: a local whose address is taken is expensive under
// AddressSanitizer.
struct ParsedInt64 {
  int64_t value;
  bool ok;
};

// Parses a signed 64-bit integer in the server's strict form: no leading space, '+' sign, leading
// zero or "-0" (src/util.c string2ll).
inline ParsedInt64 ParseInt64(std::string_view text) {
  constexpr ParsedInt64 kBad = {0, false};
  if (text.empty() || text.size() > 20) return kBad;
  const bool negative = text[0] == '-';
  size_t i = negative ? 1 : 0;
  if (i == text.size()) return kBad;
  if (text[i] == '0') return {0, text.size() == 1};
  uint64_t magnitude = 0;
  for (; i < text.size(); ++i) {
    const auto digit = static_cast<uint64_t>(static_cast<unsigned char>(text[i])) - '0';
    if (digit > 9) return kBad;
    if (magnitude > (UINT64_MAX - digit) / 10) return kBad;
    magnitude = magnitude * 10 + digit;
  }
  if (magnitude > uint64_t{INT64_MAX} + (negative ? 1 : 0)) return kBad;
  return {static_cast<int64_t>(negative ? 0 - magnitude : magnitude), true};
}

// Leaves *value unchanged on failure.
inline bool ParseInt64(std::string_view text, int64_t* value) {
  const ParsedInt64 parsed = ParseInt64(text);
  if (parsed.ok) *value = parsed.value;
  return parsed.ok;
}

// Writes decimal digits into `buffer`, which holds at least 20 bytes; the result points into it.
inline std::string_view FormatInt64(int64_t value, std::span<char> buffer) {
  uint64_t magnitude = value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  size_t at = buffer.size();
  do {
    buffer[--at] = static_cast<char>('0' + magnitude % 10);
    magnitude /= 10;
  } while (magnitude != 0);
  if (value < 0) buffer[--at] = '-';
  return {buffer.data() + at, buffer.size() - at};
}

}  // namespace resprobe

#endif  // RESPROBE_CORE_KEYSPACE_INTEGERS_H_
