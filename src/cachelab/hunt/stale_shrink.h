#ifndef RESPROBE_CACHELAB_HUNT_STALE_SHRINK_H_
#define RESPROBE_CACHELAB_HUNT_STALE_SHRINK_H_

// Running a case on a target, and making a failing one small. A campaign needs these, the generator
// (stale_generate.h), and the text of cases: Print() and Parse() (engine/ops_text.h).

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cachelab/hunt/stale_target.h"
#include "cachelab/hunt/stale_world.h"

namespace resprobe::live {

// What came of one run of a case.
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

// Runs the case from an empty cache and an empty database. `on_round` is called after each round
// with its world.
StaleOutcome RunStaleCase(
    StaleTarget* target, const StaleCase& c,
    const std::function<void(const StaleWorld&)>& on_round = [](const StaleWorld&) {});

struct StaleShrinkLimits {
  size_t runs = 600;  // of candidates
  // Of each candidate, since the operating system decides as well; of the whole case, ten times as
  // many.
  int attempts = 3;
  std::function<bool()> stop = [] { return false; };
};

struct ShrunkCase {
  bool reproduced = false;  // else `smallest` is the case as it came
  StaleCase smallest;
  StaleOutcome outcome;  // of its last failing run
  size_t runs = 0;
};

// One run of a candidate. The default is RunStaleCase() on a target.
using RunCandidate = std::function<StaleOutcome(const StaleCase&)>;

// The engine's shrinker (engine/shrink.h). A candidate counts if the same invariant breaks in one
// of its attempts. What led to it may get less: a flush that is not needed goes, and with it its
// name from the signature. The pool's part of the config stays as it is.
ShrunkCase Shrink(const RunCandidate& run, const StaleCase& from, const Violation& violation,
                  const StaleShrinkLimits& limits);
ShrunkCase Shrink(StaleTarget* target, const StaleCase& from, const Violation& violation,
                  const StaleShrinkLimits& limits);

}  // namespace resprobe::live

#endif  // RESPROBE_CACHELAB_HUNT_STALE_SHRINK_H_
