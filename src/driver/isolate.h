#ifndef RESPROBE_DRIVER_ISOLATE_H_
#define RESPROBE_DRIVER_ISOLATE_H_

#include <functional>
#include <string>

namespace resprobe::driver {

struct IsolateLimits {
  int timeout_seconds = 25;  // of wall time
  size_t rss_mb = 2048;      // resident memory
};

struct IsolateResult {
  bool timed_out = false;
  bool out_of_memory = false;
  bool signalled = false;
  int exit_code = 0;   // if it exited normally
  std::string report;  // its stderr output, at most 1 MiB
};

// Runs `body` in a forked child whose stderr is captured; the child exits with the result of
// `body`. A child that exceeds its limits is killed. Call it while the process has one thread.
IsolateResult Isolate(const IsolateLimits& limits, const std::function<int()>& body);

}  // namespace resprobe::driver

#endif  // RESPROBE_DRIVER_ISOLATE_H_
