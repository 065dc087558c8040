#ifndef RESPROBE_CLI_CASES_PAIR_COVERAGE_H_
#define RESPROBE_CLI_CASES_PAIR_COVERAGE_H_

#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runner/harness_process.h"

namespace resprobe::cli {

// Pairs (row, column) of a world's two dimensions that were active together in a case: for example
// a toxic that had an effect, and the client's step that was pending. The world reports them in its
// trace: "pair ROW COLUMN".
using Pairs = std::set<std::pair<std::string, std::string>>;

// Runs the cases and passes the pairs that each reaches; empty if its world reports none.
void FindPairs(const runner::HarnessEntry& harness, const std::vector<fs::path>& cases,
               const std::function<void(const fs::path&, const Pairs&)>& take);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CASES_PAIR_COVERAGE_H_
