#ifndef RESPROBE_FINDINGS_SHRINK_BUDGET_H_
#define RESPROBE_FINDINGS_SHRINK_BUDGET_H_

#include <cstddef>
#include <functional>
#include <string>

namespace resprobe::findings {

// Seconds between two lines of progress.
inline constexpr double kSecondsPerLine = 10;

struct ShrinkLimits {
  size_t candidates = 20'000;  // maximum number of candidates
  double seconds = 3600;       // maximum time
  // Gets a line now and then: "20 s of at most 120 s, 312 candidates tried".
  std::function<void(const std::string&)> progress = [](const std::string&) {};
};

// How long a run of this many seconds may make its findings small, all together: as long again, and
// at least ten seconds; 0: no limit.
double ShrinkSecondsOf(double run_seconds);
// The same for a run that may last for hours, and whose findings `minimize` can make small at any
// time: at most two minutes.
double ShortShrinkSecondsOf(double run_seconds);

// The budget of shrinking one case: says when to stop, and reports progress.
class ShrinkBudget {
 public:
  explicit ShrinkBudget(const ShrinkLimits& limits);

  // Call before each candidate, or now and then while another process tries candidates. False if
  // the limits are used up, or after Ctrl-C: the candidate must not be run. `tried` counts it.
  bool Spend(size_t tried = 1);
  size_t candidates() const { return candidates_; }
  // Why it ended before there was nothing left to try: "the limit of 120 s"; "" if it did not.
  const std::string& exhausted() const { return exhausted_; }

 private:
  void Report(double now);

  ShrinkLimits limits_;
  double start_;
  double next_line_;
  size_t candidates_ = 0;
  std::string exhausted_;
};

}  // namespace resprobe::findings

#endif  // RESPROBE_FINDINGS_SHRINK_BUDGET_H_
