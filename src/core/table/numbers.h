#ifndef RESPROBE_CORE_TABLE_NUMBERS_H_
#define RESPROBE_CORE_TABLE_NUMBERS_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/keyspace/integers.h"  // ParseInt64, FormatInt64

namespace resprobe {

// Parses a double in the server's form for scores and increments (getDoubleFromObject): anything
// that strtod consumes completely, so hexadecimal, "inf" and "1e5" too; no leading space, no NaN,
// nothing after it, no overflow to infinity. A NUL byte does not end the text but makes it invalid.
bool ParseDouble(std::string_view text, double* value);

// Parses the bound of a range of scores (src/t_zset.c zslParseRange) without its "(": a C string
// that strtod consumes up to its end. So leading space, overflow to infinity, and an empty text,
// which is 0, are accepted, and a NUL ends it; NaN is rejected.
bool ParseScoreBound(std::string_view text, double* value);

// Parses a long double as INCRBYFLOAT and HINCRBYFLOAT do (getLongDoubleFromObject, string2ld).
bool ParseLongDouble(std::string_view text, long double* value);

// Enough for FormatInt64() and FormatDouble().
inline constexpr size_t kNumberBufferSize = 40;

// Formats a number as INCRBYFLOAT and HINCRBYFLOAT store it: "%.17Lf" without trailing zeros, "0"
// for "-0" (ld2string, LD_STR_HUMAN). The value must be finite. `buffer` holds
// kLongDoubleBufferSize bytes; the result points into it.
inline constexpr size_t kLongDoubleBufferSize = 5 * 1024;
std::string_view FormatLongDoubleHuman(long double value, std::span<char> buffer);

}  // namespace resprobe

#endif  // RESPROBE_CORE_TABLE_NUMBERS_H_
