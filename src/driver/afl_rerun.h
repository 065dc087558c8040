#ifndef RESPROBE_DRIVER_AFL_RERUN_H_
#define RESPROBE_DRIVER_AFL_RERUN_H_

#include "engine/harness.h"

namespace resprobe::driver {

// True if AFL++ drives this process.
bool UnderAfl();

// Runs the tape under AFL++. A run that took memory from the heap may have made something grow that
// is kept for the next run, so the same tape would take other edges the next time, which AFL++
// counts as instability. Such a tape is run again until nothing grows, a few times at most, and
// only the last run is shown to AFL++; runs that find all memory in place, as nearly all do, are
// run once.
void RunSteadily(Harness& harness, Bytes tape, RunContext& run);

}  // namespace resprobe::driver

#endif  // RESPROBE_DRIVER_AFL_RERUN_H_
