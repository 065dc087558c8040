#include "runner/duration.h"

#include <absl/time/time.h>

#include "runner/user_error.h"

namespace resprobe::runner {

double ParseTime(const std::string& option, const std::string& text) {
  constexpr double kMost = 1e8;
  // abseil requires a unit.
  const bool bare = text.find_first_not_of("+.0123456789") == std::string::npos;
  absl::Duration time;
  const bool parsed = absl::ParseDuration(bare ? text + "s" : text, &time);
  const double seconds = absl::ToDoubleSeconds(time);
  if (!parsed || !(seconds > 0) || seconds > kMost) {
    throw UserError(option + " " + text + ": give a time such as 30s, 5m or 1h");
  }
  return seconds;
}

std::string TimeText(double seconds) { return absl::FormatDuration(absl::Seconds(seconds)); }

}  // namespace resprobe::runner
