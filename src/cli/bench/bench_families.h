#ifndef RESPROBE_CLI_BENCH_BENCH_FAMILIES_H_
#define RESPROBE_CLI_BENCH_BENCH_FAMILIES_H_

#include <vector>

#include "runner/output.h"
#include "runner/project.h"

namespace resprobe::cli {

// How long libFuzzer takes to find each family of bugs of caching clients from an empty corpus on
// one core (tests/canaries/invalidation_bugs.cc), and how many executions, beside the executions
// that plain seeds take: medians over the seeds from 1 to `rounds`. Null if they are not built.
// Prints the table if `text`.
Json BenchFamilies(const Project& project, int rounds, bool text);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_BENCH_BENCH_FAMILIES_H_
