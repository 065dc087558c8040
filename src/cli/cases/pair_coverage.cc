#include "cli/cases/pair_coverage.h"

#include <sstream>

namespace resprobe::cli {

void FindPairs(const runner::HarnessEntry& harness, const std::vector<fs::path>& cases,
               const std::function<void(const fs::path&, const Pairs&)>& take) {
  RunCases(harness, cases, {.trace = true}, [&](const runner::CaseResult& result) {
    Pairs pairs;
    std::istringstream lines(result.trace);
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string key;
      std::string row;
      std::string column;
      if (words >> key >> row >> column && key == "pair") pairs.emplace(row, column);
    }
    take(result.file, pairs);
  });
}

}  // namespace resprobe::cli
