#include "cli/cases/seed_selection.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <queue>
#include <utility>

namespace resprobe::cli {
namespace {

double CostOf(const SeedCandidate& candidate) {
  return static_cast<double>(std::max<uint64_t>(candidate.cost, 1));
}

}  // namespace

std::vector<size_t> SelectSeeds(const std::vector<SeedCandidate>& candidates) {
  std::map<uint64_t, size_t> reached;  // how many picks reach each feature
  const auto gain = [&](size_t i) {
    size_t added = 0;
    for (const uint64_t feature : candidates[i].features)
      added += reached.contains(feature) ? 0 : 1;
    return static_cast<double>(added) / CostOf(candidates[i]);
  };

  // The gain of a candidate only shrinks as others are picked. So an earlier gain is an upper
  // bound, and the front of the queue is the best candidate if its gain is still the queued one.
  using Entry = std::pair<double, size_t>;
  const auto worse = [](const Entry& a, const Entry& b) {
    return a.first != b.first ? a.first < b.first : a.second > b.second;
  };
  std::priority_queue<Entry, std::vector<Entry>, decltype(worse)> queue(worse);
  for (size_t i = 0; i < candidates.size(); ++i) queue.emplace(gain(i), i);
  std::vector<size_t> picks;
  while (!queue.empty()) {
    const auto [bound, i] = queue.top();
    queue.pop();
    const double now = gain(i);
    if (now == 0) continue;
    if (now < bound) {
      queue.emplace(now, i);
      continue;
    }
    picks.push_back(i);
    for (const uint64_t feature : candidates[i].features) ++reached[feature];
  }

  std::vector<size_t> by_cost = picks;
  std::ranges::sort(by_cost, [&](size_t a, size_t b) {
    return candidates[a].cost != candidates[b].cost ? candidates[a].cost > candidates[b].cost
                                                    : a > b;
  });
  for (const size_t i : by_cost) {
    const std::vector<uint64_t>& features = candidates[i].features;
    if (!std::ranges::all_of(features, [&](uint64_t feature) { return reached[feature] > 1; })) {
      continue;
    }
    for (const uint64_t feature : features) --reached[feature];
    std::erase(picks, i);
  }
  std::ranges::sort(picks);
  return picks;
}

}  // namespace resprobe::cli
