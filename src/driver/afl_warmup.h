#ifndef RESPROBE_DRIVER_AFL_WARMUP_H_
#define RESPROBE_DRIVER_AFL_WARMUP_H_

#include "engine/harness.h"

namespace resprobe::driver {

// Runs tapes of all sizes up to 8 KiB, so that what happens once in a process (statics, the growth
// of memory that is reused from run to run) has happened before AFL++ starts to watch: it takes an
// edge that the same input does not always take for a sign of chance ("stability"), and gives up on
// it. Must be called while the process has one thread.
//
// The tapes are tried in a child process first. If one fails there, nothing is run here, and false
// is returned: finding it is the fuzzer's work.
bool WarmUp(Harness& harness, RunContext& run);

}  // namespace resprobe::driver

#endif  // RESPROBE_DRIVER_AFL_WARMUP_H_
