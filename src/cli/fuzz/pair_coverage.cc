#include "cli/fuzz/pair_coverage.h"

#include <sstream>

namespace resprobe::cli {
namespace {

// Passes the words of each line of a trace that begins with `key` and has two more words.
void ForEachLine(const std::string& trace, std::string_view key,
                 const std::function<void(const std::string&, const std::string&)>& take) {
  std::istringstream lines(trace);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string first;
    std::string second;
    std::string third;
    if (words >> first >> second >> third && first == key) take(second, third);
  }
}

Pairs PairsIn(const std::string& trace) {
  Pairs pairs;
  ForEachLine(trace, "pair", [&](const std::string& row, const std::string& column) {
    pairs.emplace(row, column);
  });
  return pairs;
}

}  // namespace

void FindPairs(const runner::HarnessEntry& harness, const std::vector<fs::path>& cases,
               const std::function<void(const fs::path&, const Pairs&)>& take) {
  RunCases(harness, cases, {.trace = true},
           [&](const runner::CaseResult& result) { take(result.file, PairsIn(result.trace)); });
}

void AddReached(const runner::HarnessEntry& harness, const std::vector<fs::path>& cases,
                Reached* reached) {
  RunCases(harness, cases, {.trace = true}, [&](const runner::CaseResult& result) {
    ++reached->cases;
    for (const auto& [row, column] : PairsIn(result.trace)) ++reached->pairs[row][column];
    ForEachLine(result.trace, "fired", [&](const std::string& name, const std::string& times) {
      Reached::Fired& fired = reached->fired[name];
      fired.times += std::stoull(times);
      ++fired.cases;
    });
  });
}

}  // namespace resprobe::cli
