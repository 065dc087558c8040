#ifndef RESPROBE_CORE_RESP_NUMBER_H_
#define RESPROBE_CORE_RESP_NUMBER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace resprobe::resp {

// Parses an integer exactly as the server writes one (redis 7.0 util.c, string2ll): no plus sign,
// no leading zero, no "-0", no surrounding characters, within 64 bits. Leaves `value` unchanged on
// failure.
bool ParseStrictInteger(std::string_view text, int64_t* value);

// The result of parsing a number. `bad` is the index of the first invalid byte; for a well-formed
// number that is too large for its type it is 0, and `out_of_range` is true.
struct NumberResult {
  bool ok = false;
  bool out_of_range = false;
  size_t bad = 0;
};

// Parses an integer in the RESP specification's form: an optional sign, then digits; within 64
// bits.
NumberResult ParseInteger(std::string_view text, int64_t* value);

// Parses a double in the RESP3 specification's form, [+-]digits[.digits][(e|E)[+-]digits], where
// the digits after the point may be missing, or "inf", "-inf", "nan"; also "-nan", which servers
// before 7.2 send. Correctly rounded. A number that rounds to infinity is out of range.
NumberResult ParseDouble(std::string_view text, double* value);

// Formats a double as redis 7.0 sends it in protocol 3 (networking.c, addReplyDouble): %.17g, or
// "inf", "-inf", "nan". The result points into `buffer`.
inline constexpr size_t kDoubleTextSize = 40;
std::string_view FormatDouble(double value, char (&buffer)[kDoubleTextSize]);

}  // namespace resprobe::resp

#endif  // RESPROBE_CORE_RESP_NUMBER_H_
