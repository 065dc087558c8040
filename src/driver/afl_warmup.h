#ifndef RESPROBE_DRIVER_AFL_WARMUP_H_
#define RESPROBE_DRIVER_AFL_WARMUP_H_

#include "engine/harness.h"

namespace resprobe::driver {

// Runs tapes of all sizes up to 8 KiB, so that events that occur once per process (statics, growth
// of memory that runs reuse) happen before AFL++ starts to measure: it treats an edge that the same
// input does not always take as nondeterminism ("stability") and gives up on it. Call it while the
// process has one thread.
//
// The tapes are first run in a child process. If one fails there, nothing is run here, and the
// result is false: finding the failure is the fuzzer's task.
bool WarmUp(Harness& harness, RunContext& run);

}  // namespace resprobe::driver

#endif  // RESPROBE_DRIVER_AFL_WARMUP_H_
