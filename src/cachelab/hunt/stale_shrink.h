#ifndef RESPROBE_CACHELAB_HUNT_STALE_SHRINK_H_
#define RESPROBE_CACHELAB_HUNT_STALE_SHRINK_H_

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "cachelab/hunt/stale_case.h"
#include "cachelab/hunt/stale_runner.h"
#include "cachelab/hunt/stale_target.h"

namespace resprobe::live {

struct StaleShrinkLimits {
  size_t runs = 400;  // of candidates
  // Of each, since the operating system has its say; of the whole case, ten times as many.
  int attempts = 3;
  std::function<bool()> stop = [] { return false; };
};

struct ShrunkCase {
  bool reproduced = false;  // else `smallest` is the case as it came
  StaleCase smallest;
  StaleViolation violation;        // of its last failing run
  std::vector<StaleEvent> events;  // and what happened in it
  size_t runs = 0;
};

// Runs the case again from an empty cache and database: only its last round, its last two, four …,
// then without rounds, checks and actions, as long as the same invariant breaks.
ShrunkCase Shrink(StaleTarget* target, const StaleCase& from, const std::string& invariant,
                  const StaleShrinkLimits& limits);

}  // namespace resprobe::live

#endif  // RESPROBE_CACHELAB_HUNT_STALE_SHRINK_H_
