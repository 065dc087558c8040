#ifndef RESPROBE_CACHELAB_HUNT_STALE_SHRINK_H_
#define RESPROBE_CACHELAB_HUNT_STALE_SHRINK_H_

// Runs a case on a target, and shrinks a failing one. A campaign needs these, the generator
// (stale_generate.h), and the text of cases: Print() and Parse() (engine/ops_text.h).

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cachelab/hunt/stale_target.h"
#include "cachelab/hunt/stale_world.h"

namespace resprobe::cachelab {

// The result of one run of a case.
struct StaleOutcome {
  // False: the target failed before the end, and StaleTarget::failure() says why. That can be a
  // violation as well (a worker that hangs), an interruption, or a server that is gone.
  bool sound = true;
  std::optional<Violation> violation;
  std::string signature;  // of the violation: StaleWorld::signature()
  StaleCounts counts;
  std::vector<StaleRound> rounds;
  std::vector<StaleEvent> events;
  std::string last_refusal;  // the server's answer to the last write that it refused
};

// Runs the case with an empty cache and an empty database. Calls `on_round` after each round with
// the case's world.
StaleOutcome RunStaleCase(
    StaleTarget* target, const StaleCase& c,
    const std::function<void(const StaleWorld&)>& on_round = [](const StaleWorld&) {});

struct StaleShrinkLimits {
  size_t runs = 1200;  // of candidates
  // Runs of each candidate of an unreliable case, since the operating system affects the result;
  // ten times as many for the whole case.
  int attempts = 3;
  std::function<bool()> stop = [] { return false; };
};

struct ShrunkCase {
  bool reproduced = false;  // otherwise `smallest` is the original case
  StaleCase smallest;
  StaleOutcome outcome;  // of its last failing run
  size_t runs = 0;
};

// Runs a candidate once. The default is RunStaleCase() on a target.
using RunCandidate = std::function<StaleOutcome(const StaleCase&)>;

// Uses the engine's shrinker (engine/shrink.h). A case is reliable if it violates the invariant in
// three of at most four runs. If the whole case is, so must be every candidate that counts, and its
// ops are awaited where that still fails: with a race instead of a wait, it would fail only now and
// then. If the whole case is not, a candidate counts if it violates the same invariant in one of
// its attempts.
//
// The cause may become smaller: a needless flush is removed, and its name from the signature. The
// pool's part of the config is unchanged.
ShrunkCase Shrink(const RunCandidate& run, const StaleCase& from, const Violation& violation,
                  const StaleShrinkLimits& limits);
ShrunkCase Shrink(StaleTarget* target, const StaleCase& from, const Violation& violation,
                  const StaleShrinkLimits& limits);

}  // namespace resprobe::cachelab

#endif  // RESPROBE_CACHELAB_HUNT_STALE_SHRINK_H_
