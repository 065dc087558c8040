#ifndef RESPROBE_DRIVER_AFL_RERUN_H_
#define RESPROBE_DRIVER_AFL_RERUN_H_

#include "engine/harness.h"

namespace resprobe::driver {

// True if AFL++ drives this process.
bool UnderAfl();

// Runs the tape under AFL++. If a run allocates memory, something may have grown that is kept for
// the next run, so the same tape would then take other edges, which AFL++ counts as instability.
// Such a tape is run again, a few times at most, until nothing grows, and AFL++ sees only the last
// run. Nearly all tapes find all memory in place and run once.
void RunSteadily(Harness& harness, Bytes tape, RunContext& run);

}  // namespace resprobe::driver

#endif  // RESPROBE_DRIVER_AFL_RERUN_H_
