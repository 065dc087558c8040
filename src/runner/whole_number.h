#ifndef RESPROBE_RUNNER_WHOLE_NUMBER_H_
#define RESPROBE_RUNNER_WHOLE_NUMBER_H_

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "runner/user_error.h"

namespace resprobe::cli {

// For Option::check(): the value must be a whole number from `least` to `most`. (CLI11's own checks
// print the limits of their type as numbers of 300 digits, and accept -1 as the largest unsigned
// number.)
inline auto WholeNumber(uint64_t least, uint64_t most) {
  return [=](const std::string& text) -> std::string {
    uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, status] = std::from_chars(text.data(), end, number);
    if (status == std::errc() && stop == end && number >= least && number <= most) return "";
    return "'" + text + "' is not a whole number from " + std::to_string(least) + " to " +
           std::to_string(most);
  };
}

// Parses "30s", "5m", "1h" or a number of seconds; returns seconds. Throws UserError that names the
// option.
inline double ParseTime(const std::string& option, const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  const std::string unit = end;
  const double scale = unit.empty() || unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
  if (text.empty() || end == text.c_str() || scale == 0 || !(number > 0) || number * scale > 1e8) {
    throw UserError(option + " " + text + ": give a time such as 30s, 5m or 1h");
  }
  return number * scale;
}

inline constexpr uint64_t kMostSeconds = 100'000;
inline constexpr uint64_t kMostMegabytes = 1'000'000;

}  // namespace resprobe::cli

#endif  // RESPROBE_RUNNER_WHOLE_NUMBER_H_
