#ifndef RESPROBE_CLI_BENCH_BENCH_FAMILIES_H_
#define RESPROBE_CLI_BENCH_BENCH_FAMILIES_H_

#include <vector>

#include "runner/output.h"
#include "runner/project.h"

namespace resprobe::cli {

// Measures the time and executions that libFuzzer needs to find each family of bugs of caching
// clients (tests/canaries/invalidation_bugs.cc) from an empty corpus on one core, and the
// executions that plain seeds need: medians over the seeds from 1 to `rounds`. Null if the binaries
// are not built. Prints the table if `text`.
Json BenchFamilies(const runner::Project& project, int rounds, bool text);
// The same for the faults of a server's files (tests/canaries: rdb, aof, durability), without the
// comparison.
Json BenchFileFaults(const runner::Project& project, int rounds, bool text);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_BENCH_BENCH_FAMILIES_H_
