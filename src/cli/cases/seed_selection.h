#ifndef RESPROBE_CLI_CASES_SEED_SELECTION_H_
#define RESPROBE_CLI_CASES_SEED_SELECTION_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace resprobe::cli {

// A case that may become a seed: what one run of it costs, and what it reaches.
struct SeedCandidate {
  uint64_t cost = 1;               // nanoseconds of a run; 0 counts as 1
  std::vector<uint64_t> features;  // numbers of edges with their counts, and of pairs
};

// A weighted set cover: indices, in ascending order, of candidates that together reach every
// feature that any candidate reaches. Picks the candidate with the most new features for its cost,
// again and again, then drops every pick whose features others reach as well, the most expensive
// first. So each candidate of the answer reaches a feature that no other one of it reaches, and a
// second selection from the answer alone, with whatever costs, keeps all of it. Among equals the
// lower index wins.
std::vector<size_t> SelectSeeds(const std::vector<SeedCandidate>& candidates);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CASES_SEED_SELECTION_H_
