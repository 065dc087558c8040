#ifndef RESPROBE_RUNNER_DURATION_H_
#define RESPROBE_RUNNER_DURATION_H_

#include <string>

namespace resprobe::runner {

// Parses "30s", "5m", "1h30m", "1.5h", or a number of seconds; returns seconds, above 0 and at most
// 100,000,000. Throws UserError that names the option.
double ParseTime(const std::string& option, const std::string& text);

// 30 -> "30s", 5400 -> "1h30m".
std::string TimeText(double seconds);

}  // namespace resprobe::runner

#endif  // RESPROBE_RUNNER_DURATION_H_
