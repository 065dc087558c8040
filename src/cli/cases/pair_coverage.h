#ifndef RESPROBE_CLI_CASES_PAIR_COVERAGE_H_
#define RESPROBE_CLI_CASES_PAIR_COVERAGE_H_

#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runner/harness_process.h"

namespace resprobe::cli {

// Two things that a world crosses, a row and a column, which have run together and taken effect in
// a case: a toxic, and the step of a client that waited. The world tells in its trace: "pair ROW
// COLUMN".
using Pairs = std::set<std::pair<std::string, std::string>>;

// Runs the cases and hands over what each has met: nothing, if its world crosses nothing.
void FindPairs(const HarnessEntry& harness, const std::vector<fs::path>& cases,
               const std::function<void(const fs::path&, const Pairs&)>& take);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CASES_PAIR_COVERAGE_H_
