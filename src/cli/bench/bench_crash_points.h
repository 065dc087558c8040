#ifndef RESPROBE_CLI_BENCH_BENCH_CRASH_POINTS_H_
#define RESPROBE_CLI_BENCH_BENCH_CRASH_POINTS_H_

#include "runner/json.h"

namespace resprobe::cli {

// Crash states that are recovered and judged in a second of CPU time, for a case of 30 commands, at
// each level of what a power failure may leave (crash-points). `seconds`: of CPU time, for each
// level.
Json BenchCrashPoints(double seconds);
void PrintCrashPoints(const Json& json);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_BENCH_BENCH_CRASH_POINTS_H_
