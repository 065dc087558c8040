#ifndef RESPROBE_CORE_RESP_NUMBER_H_
#define RESPROBE_CORE_RESP_NUMBER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace resprobe::resp {

// An integer exactly as the server writes one (redis 7.0 util.c, string2ll): no plus sign, no
// leading zero, no "-0", nothing around it, inside 64 bits. Leaves `value` alone on failure.
bool ParseStrictInteger(std::string_view text, int64_t* value);

// What parsing a number found. `bad` is the index of the first byte that does not belong; for a
// number that is well formed but too large for its type it is 0, and `out_of_range` is true.
struct NumberResult {
  bool ok = false;
  bool out_of_range = false;
  size_t bad = 0;
};

// An integer as the RESP specification has it: a sign or none, then digits; inside 64 bits.
NumberResult ParseInteger(std::string_view text, int64_t* value);

// A double as the RESP3 specification has it, [+-]digits[.digits][(e|E)[+-]digits] where the
// digits behind the point may be missing, or "inf", "-inf", "nan"; and "-nan", which servers
// before 7.2 send. Correctly rounded. What rounds to infinity is out of range.
NumberResult ParseDouble(std::string_view text, double* value);

// The double in the text that redis 7.0 sends in protocol 3 (networking.c, addReplyDouble): %.17g,
// or "inf", "-inf", "nan". The text lies in `buffer`.
inline constexpr size_t kDoubleTextSize = 40;
std::string_view FormatDouble(double value, char (&buffer)[kDoubleTextSize]);

}  // namespace resprobe::resp

#endif  // RESPROBE_CORE_RESP_NUMBER_H_
