#ifndef RESPROBE_SIM_CLOCK_H_
#define RESPROBE_SIM_CLOCK_H_

// Virtual time. A run has one true time, in microseconds since its start, which the scheduler
// (scheduler.h) moves. Each node reads it through a clock of its own, which may show another time,
// gain or lose against the true one, and be set forwards or backwards, as wall clocks are.

#include <algorithm>
#include <cstdint>

namespace resprobe {

// A time that never comes.
inline constexpr int64_t kNever = INT64_MAX;

class Clock {
 public:
  // The largest drift, in parts per million: a clock runs at half to one and a half times the true
  // rate, so that it never stands still.
  static constexpr int64_t kMaxDriftPpm = 500'000;

  // Shows `shows_us` at the true time `now_us`, and runs at the true rate from there.
  void Reset(int64_t shows_us, int64_t now_us = 0) {
    base_us_ = now_us;
    shows_us_ = shows_us;
    drift_ppm_ = 0;
  }

  // What the clock shows at the true time `now_us`, in microseconds.
  int64_t Read(int64_t now_us) const {
    const int64_t elapsed = now_us - base_us_;
    return shows_us_ + elapsed + Scaled(elapsed, drift_ppm_);
  }

  // The clock is set: from `now_us` on it shows `by_us` more (or less, if negative).
  void Jump(int64_t by_us, int64_t now_us) {
    shows_us_ = Read(now_us) + by_us;
    base_us_ = now_us;
  }

  // From `now_us` on the clock gains `ppm` microseconds a second; negative: it loses them. Limited
  // to kMaxDriftPpm either way.
  void SetDrift(int64_t ppm, int64_t now_us) {
    Jump(0, now_us);
    drift_ppm_ = std::clamp(ppm, -kMaxDriftPpm, kMaxDriftPpm);
  }
  int64_t drift_ppm() const { return drift_ppm_; }

  // The first true time, `now_us` or later, at which the clock shows `shows_us` or more, unless it
  // is set before then: when a timer of this node is due.
  int64_t TrueTimeOf(int64_t shows_us, int64_t now_us) const {
    if (Read(now_us) >= shows_us) return now_us;
    // The estimate is exact up to rounding.
    const int64_t ahead = shows_us - Read(now_us);
    const int64_t rate = 1'000'000 + drift_ppm_;
    int64_t at = now_us + ahead / rate * 1'000'000 + ahead % rate * 1'000'000 / rate;
    while (Read(at) < shows_us) ++at;
    while (at > now_us && Read(at - 1) >= shows_us) --at;
    return at;
  }

 private:
  // us * ppm / 1e6 without overflow for times below 290 years.
  static int64_t Scaled(int64_t us, int64_t ppm) {
    constexpr int64_t kMillion = 1'000'000;
    return us / kMillion * ppm + us % kMillion * ppm / kMillion;
  }

  int64_t base_us_ = 0;   // the true time at which the clock was set last
  int64_t shows_us_ = 0;  // what it showed then
  int64_t drift_ppm_ = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_SIM_CLOCK_H_
