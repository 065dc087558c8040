#include "cachelab/hunt/stale_shrink.h"

#include <algorithm>

namespace resprobe::live {
namespace {

class Shrinker {
 public:
  Shrinker(StaleTarget* target, const std::string& invariant, const StaleShrinkLimits& limits)
      : target_(target), invariant_(invariant), limits_(limits) {}

  ShrunkCase Run(const StaleCase& from) {
    shrunk_.smallest = from;
    if (from.rounds.empty()) return shrunk_;
    for (size_t last = 1;; last = std::min(last * 2, from.rounds.size())) {
      StaleCase tail = from;
      const auto count = static_cast<std::ptrdiff_t>(from.rounds.size() - last);
      tail.rounds.erase(tail.rounds.begin(), tail.rounds.begin() + count);
      // The whole case fails again sooner or later, under a scheduler that is busy with others too.
      const bool whole = last == from.rounds.size();
      if (Fails(tail, whole ? kOfTheWhole * limits_.attempts : limits_.attempts)) {
        shrunk_.reproduced = true;
        break;
      }
      if (whole || Over()) return shrunk_;
    }
    for (bool smaller = true; smaller && !Over();) {
      smaller = Without([](StaleCase& c) -> std::vector<Round>& { return c.rounds; });
      for (size_t i = 0; i < shrunk_.smallest.rounds.size(); ++i) {
        smaller |= Without([i](StaleCase& c) -> auto& { return c.rounds[i].checks; });
        smaller |= Without([i](StaleCase& c) -> auto& { return c.rounds[i].actions; });
      }
    }
    return shrunk_;
  }

 private:
  static constexpr int kOfTheWhole = 10;

  bool Over() const { return shrunk_.runs >= limits_.runs || limits_.stop(); }

  // Takes the candidate if it breaks the invariant.
  bool Fails(const StaleCase& candidate, int attempts) {
    for (int i = 0; i < attempts && !Over(); ++i) {
      ++shrunk_.runs;
      StaleRunner runner(target_, candidate.keys, candidate.rounds.size() + 1);
      bool sound = runner.Begin();
      for (const Round& round : candidate.rounds) sound = sound && runner.Run(round);
      for (StaleViolation& violation : runner.TakeViolations()) {
        if (violation.invariant != invariant_) continue;
        shrunk_.smallest = candidate;
        shrunk_.violation = std::move(violation);
        shrunk_.events.assign(runner.events().begin(), runner.events().end());
        return true;
      }
      if (!sound) break;
    }
    return false;
  }

  // Takes elements out of a list of the case, from the end: half of them at once, then fewer.
  template <class ListOf>
  bool Without(const ListOf& list_of) {
    bool smaller = false;
    const size_t size = list_of(shrunk_.smallest).size();
    for (size_t chunk = size; chunk > 0; chunk /= 2) {
      for (size_t end = list_of(shrunk_.smallest).size(); end > 0 && !Over();) {
        const size_t begin = end - std::min(chunk, end);
        StaleCase candidate = shrunk_.smallest;
        auto& list = list_of(candidate);
        list.erase(list.begin() + static_cast<std::ptrdiff_t>(begin),
                   list.begin() + static_cast<std::ptrdiff_t>(end));
        smaller |= Fails(candidate, limits_.attempts);
        end = begin;
      }
    }
    return smaller;
  }

  StaleTarget* target_;
  std::string invariant_;
  const StaleShrinkLimits& limits_;
  ShrunkCase shrunk_;
};

}  // namespace

ShrunkCase Shrink(StaleTarget* target, const StaleCase& from, const std::string& invariant,
                  const StaleShrinkLimits& limits) {
  return Shrinker(target, invariant, limits).Run(from);
}

}  // namespace resprobe::live
