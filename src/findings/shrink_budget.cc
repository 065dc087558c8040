#include "findings/shrink_budget.h"

#include <absl/strings/str_format.h>

#include <algorithm>

#include "runner/process.h"
#include "runner/text.h"

namespace resprobe::findings {
namespace {

// Most cases become small before the first line.
constexpr double kFirstLineSeconds = 5;

}  // namespace

double ShrinkSecondsOf(double run_seconds) {
  constexpr double kLeast = 10;
  return run_seconds > 0 ? std::max(run_seconds, kLeast) : 0;
}

double ShortShrinkSecondsOf(double run_seconds) {
  constexpr double kMost = 120;
  const double seconds = ShrinkSecondsOf(run_seconds);
  return seconds > 0 ? std::min(seconds, kMost) : kMost;
}

ShrinkBudget::ShrinkBudget(const ShrinkLimits& limits)
    : limits_(limits), start_(runner::Now()), next_line_(start_ + kFirstLineSeconds) {}

bool ShrinkBudget::Spend(size_t tried) {
  if (runner::Interrupted() || !exhausted_.empty()) return false;
  const double now = runner::Now();
  if (now >= next_line_) Report(now);
  if (now >= start_ + limits_.seconds) {
    exhausted_ = limits_.seconds < 1 ? "the end of the time for making findings small"
                                     : absl::StrFormat("the limit of %.0f s", limits_.seconds);
  } else if (candidates_ + tried > limits_.candidates) {
    exhausted_ = "the limit of " + runner::Grouped(limits_.candidates) + " candidates";
  }
  if (!exhausted_.empty()) return false;
  candidates_ += tried;
  return true;
}

void ShrinkBudget::Report(double now) {
  next_line_ = now + kSecondsPerLine;
  std::string line = absl::StrFormat("%.0f s of at most %.0f s", now - start_, limits_.seconds);
  if (candidates_ > 0) line += ", " + runner::Grouped(candidates_) + " candidates tried";
  limits_.progress(line);
}

}  // namespace resprobe::findings
