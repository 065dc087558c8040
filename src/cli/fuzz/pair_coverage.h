#ifndef RESPROBE_CLI_FUZZ_PAIR_COVERAGE_H_
#define RESPROBE_CLI_FUZZ_PAIR_COVERAGE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
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

// What many cases reach together.
struct Reached {
  struct Fired {
    uint64_t times = 0;
    size_t cases = 0;
  };
  size_t cases = 0;
  // By the name of a toxic: how often it had an effect ("fired NAME TIMES" in the trace).
  std::map<std::string, Fired> fired;
  // By row and column: in how many cases.
  std::map<std::string, std::map<std::string, size_t>> pairs;

  bool empty() const { return fired.empty() && pairs.empty(); }
};
// Adds what these cases reach.
void AddReached(const runner::HarnessEntry& harness, const std::vector<fs::path>& cases,
                Reached* reached);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_FUZZ_PAIR_COVERAGE_H_
