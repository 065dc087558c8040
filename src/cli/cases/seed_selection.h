#ifndef RESPROBE_CLI_CASES_SEED_SELECTION_H_
#define RESPROBE_CLI_CASES_SEED_SELECTION_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace resprobe::cli {

// A candidate for a seed: the cost of one run, and the features that it reaches.
struct SeedCandidate {
  uint64_t cost = 1;               // nanoseconds of a run; 0 counts as 1
  std::vector<uint64_t> features;  // numbers of edges with their counts, and of pairs
};

// A weighted set cover: indices, in ascending order, of candidates that together reach every
// feature that any candidate reaches. Repeatedly picks the candidate with the most new features for
// its cost, then drops every pick whose features are all reached by others, the most expensive
// first. So each candidate of the result reaches a feature that no other one in it reaches, and a
// second selection from the result alone, with any costs, keeps all of it. Among equals the lower
// index wins.
std::vector<size_t> SelectSeeds(const std::vector<SeedCandidate>& candidates);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CASES_SEED_SELECTION_H_
