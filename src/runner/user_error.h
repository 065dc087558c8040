#ifndef RESPROBE_RUNNER_USER_ERROR_H_
#define RESPROBE_RUNNER_USER_ERROR_H_

#include <stdexcept>
#include <string>

namespace resprobe::runner {

// The exit codes of the program. For an interrupted run the program exits with 128 and the number
// of the signal: kInterrupted for SIGINT, 143 for SIGTERM, 129 for SIGHUP.
inline constexpr int kAllWell = 0;
inline constexpr int kFinding = 1;
inline constexpr int kWrongUse = 2;
inline constexpr int kInterrupted = 130;

// Bad input from a user: one line that says what, where and how to fix it. main() prints it and
// exits with kWrongUse.
class UserError : public std::runtime_error {
 public:
  explicit UserError(const std::string& what) : std::runtime_error(what) {}
};

// Ctrl-C during an operation that was waited for. A verb that does not catch it returns
// kInterrupted.
class Interruption : public std::exception {};

}  // namespace resprobe::runner

#endif  // RESPROBE_RUNNER_USER_ERROR_H_
