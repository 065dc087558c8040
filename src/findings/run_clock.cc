#include "findings/run_clock.h"

#include <absl/strings/str_format.h>

#include <algorithm>

#include "findings/shrink_budget.h"
#include "runner/process.h"
#include "runner/text.h"

namespace resprobe::findings {

RunClock::RunClock() : start_(runner::Now()), next_line_(start_ + kSecondsPerLine) {}

double RunClock::Seconds() const { return runner::Now() - start_ - paused_; }

bool RunClock::LineDue() {
  if (runner::Now() < next_line_) return false;
  next_line_ = runner::Now() + kSecondsPerLine;
  return true;
}

std::string RunClock::Rate(uint64_t count, const std::string& what) const {
  const double seconds = Seconds();
  const double rate = static_cast<double>(count) / std::max(seconds, 0.001);
  return absl::StrFormat("%.0f s, %s %s/s", seconds, runner::Grouped(static_cast<uint64_t>(rate)),
                         what);
}

RunClock::Pause::Pause(RunClock* clock) : clock_(clock), start_(runner::Now()) {}
RunClock::Pause::~Pause() { clock_->paused_ += runner::Now() - start_; }

}  // namespace resprobe::findings
