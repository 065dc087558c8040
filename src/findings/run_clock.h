#ifndef RESPROBE_FINDINGS_RUN_CLOCK_H_
#define RESPROBE_FINDINGS_RUN_CLOCK_H_

#include <cstdint>
#include <string>

namespace resprobe::findings {

// The time of a run, excluding work on failures; and when its next progress line is due.
class RunClock {
 public:
  RunClock();

  double Seconds() const;
  // True once every ten seconds.
  bool LineDue();
  // "12 s, 3,456 calls/s".
  std::string Rate(uint64_t count, const std::string& what) const;

  // Stops the clock during its lifetime.
  class Pause {
   public:
    explicit Pause(RunClock* clock);
    ~Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    RunClock* clock_;
    double start_;
  };

 private:
  double start_;
  double next_line_;
  double paused_ = 0;
};

}  // namespace resprobe::findings

#endif  // RESPROBE_FINDINGS_RUN_CLOCK_H_
