#ifndef RESPROBE_CACHELAB_HUNT_STALE_PLAN_H_
#define RESPROBE_CACHELAB_HUNT_STALE_PLAN_H_

#include <algorithm>
#include <string>
#include <vector>

#include "cachelab/hunt/stale_case.h"
#include "engine/rng.h"

namespace resprobe::live {

// What the generated rounds of `invalidate` are made of.
struct RacePlan {
  int workers = 4;
  int writers = 4;
  int kill_percent = 0;   // of rounds: one connection or worker is killed in their midst
  int flush_percent = 2;  // of rounds: all keys are flushed in their midst
};

// A round in which reads and writes of a few keys overlap, some of them held at the point where
// caches go wrong.
Round MakeRace(const KeyPlan& keys, const RacePlan& plan, Rng* rng);

struct KillPlan {
  int workers = 4;
  int writers = 4;
  bool clients = true;    // CLIENT KILL
  bool processes = true;  // signals
  std::vector<int> signals = {9};
  std::vector<Failpoint> points = {kFailpoints.begin(), kFailpoints.end()};
  bool idle = true;           // also when the entry is in the cache and nothing is going on
  bool direct_writes = true;  // by the driver's own connection
  bool cached_writes = true;  // through a worker that stays alive

  // Whether a mode is left without a moment: connections are not killed under the lock.
  bool mode_is_impossible() const {
    return clients && !idle &&
           std::all_of(points.begin(), points.end(), [](Failpoint p) { return IsUnderLock(p); });
  }
};

// What a kill round tries, for the statistics.
struct KillKind {
  bool client = false;                 // else the process
  Failpoint point = Failpoint::kNone;  // kNone: idle
  int signal = 0;
};

// A round that gets an entry into the cache, or on its way there, kills who granted it, writes the
// key, and lets all read it. `i` is its number, which names the key.
Round MakeKill(const KeyPlan& keys, const KillPlan& plan, uint64_t i, Rng* rng, KillKind* kind);

}  // namespace resprobe::live

#endif  // RESPROBE_CACHELAB_HUNT_STALE_PLAN_H_
