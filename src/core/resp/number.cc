#include "core/resp/number.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>

namespace resprobe::resp {
namespace {

constexpr bool IsDigit(char c) { return static_cast<unsigned char>(c - '0') <= 9; }

// Reads the digits of `text` from `at` on into `value`; false if they need more than 64 bits.
// Leaves `at` after the last digit.
bool Digits(std::string_view text, size_t& at, uint64_t& value) {
  value = 0;
  bool fits = true;
  for (; at < text.size() && IsDigit(text[at]); ++at) {
    const auto digit = static_cast<uint64_t>(text[at] - '0');
    if (value > (std::numeric_limits<uint64_t>::max() - digit) / 10) fits = false;
    if (fits) value = value * 10 + digit;
  }
  return fits;
}

bool ToSigned(uint64_t magnitude, bool negative, int64_t* value) {
  const uint64_t most = static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) + negative;
  if (magnitude > most) return false;
  *value = static_cast<int64_t>(negative ? ~magnitude + 1 : magnitude);
  return true;
}

// strtod needs a terminator. It also depends on LC_NUMERIC, which stays "C" unless a program
// changes it; no byte passed here is read differently in "C".
double ToDouble(std::string_view text) {
  char small[64];
  if (text.size() < sizeof(small)) {
    std::memcpy(small, text.data(), text.size());
    small[text.size()] = 0;
    return std::strtod(small, nullptr);
  }
  return std::strtod(std::string(text).c_str(), nullptr);
}

constexpr double kPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

}  // namespace

bool ParseStrictInteger(std::string_view text, int64_t* value) {
  if (text.empty()) return false;
  const bool negative = text[0] == '-';
  size_t at = negative ? 1 : 0;
  if (at == text.size() || !IsDigit(text[at])) return false;
  if (text[at] == '0' && text.size() != 1) return false;
  uint64_t magnitude;
  if (!Digits(text, at, magnitude) || at != text.size()) return false;
  return ToSigned(magnitude, negative, value);
}

NumberResult ParseInteger(std::string_view text, int64_t* value) {
  size_t at = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  const bool negative = at == 1 && text[0] == '-';
  const size_t first = at;
  uint64_t magnitude;
  const bool fits = Digits(text, at, magnitude);
  if (at == first || at != text.size()) return {.bad = at};
  if (!fits || !ToSigned(magnitude, negative, value)) return {.out_of_range = true};
  return {.ok = true};
}

NumberResult ParseDouble(std::string_view text, double* value) {
  const size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  const bool negative = sign == 1 && text[0] == '-';
  const std::string_view name = text.substr(sign);
  if (name == "inf" && (sign == 0 || negative)) {
    *value = negative ? -std::numeric_limits<double>::infinity()
                      : std::numeric_limits<double>::infinity();
    return {.ok = true};
  }
  if (name == "nan" && (sign == 0 || negative)) {
    *value = std::numeric_limits<double>::quiet_NaN();
    return {.ok = true};
  }

  // Reads the digits as one integer times a power of ten. If the integer is at most 2^53 and the
  // power of ten is exact, one multiplication or division rounds correctly (Clinger, "How to read
  // floating point numbers accurately", 1990). strtod handles the rest.
  size_t at = sign;
  uint64_t mantissa = 0;
  int64_t power = 0;
  size_t digits = 0;
  for (; at < text.size() && IsDigit(text[at]); ++at) {
    if (digits < 19) mantissa = mantissa * 10 + static_cast<uint64_t>(text[at] - '0');
    if (mantissa != 0) ++digits;
  }
  if (at == sign) return {.bad = at};
  if (at < text.size() && text[at] == '.') {
    for (++at; at < text.size() && IsDigit(text[at]); ++at) {
      if (digits < 19) {
        mantissa = mantissa * 10 + static_cast<uint64_t>(text[at] - '0');
        --power;
      }
      if (mantissa != 0) ++digits;
    }
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    const size_t e = at++;
    const bool small = at < text.size() && text[at] == '-';
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    const size_t first = at;
    uint64_t exponent;
    if (!Digits(text, at, exponent) || exponent > 100000) exponent = 100000;
    if (at == first) return {.bad = at < text.size() ? at : e};
    power += small ? -static_cast<int64_t>(exponent) : static_cast<int64_t>(exponent);
  }
  if (at != text.size()) return {.bad = at};

  double result;
  if (digits < 19 && mantissa <= (1ull << 53) && power >= -22 && power <= 22) {
    result = static_cast<double>(mantissa);
    result = power < 0 ? result / kPowersOfTen[-power] : result * kPowersOfTen[power];
    if (negative) result = -result;
  } else {
    result = ToDouble(text);
    if (std::isinf(result)) return {.out_of_range = true};
  }
  *value = result;
  return {.ok = true};
}

std::string_view FormatDouble(double value, char (&buffer)[kDoubleTextSize]) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  const int size = std::snprintf(buffer, sizeof(buffer), "%.17g", value);
  return {buffer, static_cast<size_t>(size)};
}

}  // namespace resprobe::resp
