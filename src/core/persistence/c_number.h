#ifndef RESPROBE_CORE_PERSISTENCE_C_NUMBER_H_
#define RESPROBE_CORE_PERSISTENCE_C_NUMBER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace resprobe {

// What strtol() and atoll() make of a text: space, a sign, digits, and the rest does not matter. 0
// without digits; the nearest number if it is out of range.
inline int64_t ParseCNumber(std::string_view text) {
  size_t i = 0;
  while (i < text.size() && (text[i] == ' ' || (text[i] >= '\t' && text[i] <= '\r'))) ++i;
  bool negative = false;
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) negative = text[i++] == '-';
  int64_t value = 0;  // negated: there is one more negative number
  for (; i < text.size(); ++i) {
    const int digit = text[i] - '0';
    if (digit < 0 || digit > 9) break;
    if (value < (INT64_MIN + digit) / 10) return negative ? INT64_MIN : INT64_MAX;
    value = value * 10 - digit;
  }
  if (negative) return value;
  return value == INT64_MIN ? INT64_MAX : -value;
}

}  // namespace resprobe

#endif  // RESPROBE_CORE_PERSISTENCE_C_NUMBER_H_
