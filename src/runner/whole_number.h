#ifndef RESPROBE_RUNNER_WHOLE_NUMBER_H_
#define RESPROBE_RUNNER_WHOLE_NUMBER_H_

#include <charconv>
#include <cstdint>
#include <string>

namespace resprobe::runner {

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

inline constexpr uint64_t kMostSeconds = 100'000;
inline constexpr uint64_t kMostMegabytes = 1'000'000;

}  // namespace resprobe::runner

#endif  // RESPROBE_RUNNER_WHOLE_NUMBER_H_
