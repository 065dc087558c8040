#ifndef RESPROBE_CACHELAB_HUNT_STALE_GENERATE_H_
#define RESPROBE_CACHELAB_HUNT_STALE_GENERATE_H_

// Seed -> case, for the hunts. A case is a list of rounds, each of which ends with checks by all
// workers and a `settle`. Each seed has swarm weights of its own (engine/generate.h): it makes
// some kinds of steps rarer and others more common, and uses all of the keys or only a few.

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "cachelab/hunt/stale_world.h"

namespace resprobe::cachelab {

// Common to all cases of a campaign.
struct CasePlan {
  stale::Config config = {};
  // A case uses as many of them as an Index can address, starting at a key that its seed chooses.
  int keys = 16;
  std::vector<std::string> commands =
      {};  // KeyPlan::commands: one that reads and one that writes for each type
};

// The contents of the rounds of `invalidate`.
struct RacePlan {
  int kill_percent = 0;   // of rounds in which one connection or worker is killed
  int flush_percent = 2;  // of rounds in which all keys are flushed
};

// Rounds in which reads and writes of a few keys overlap, some of them held at failpoints.
void GenerateRaces(uint64_t seed, const CasePlan& common, const RacePlan& plan, StaleCase* out);

struct KillPlan {
  bool clients = true;    // CLIENT KILL
  bool processes = true;  // signals
  std::vector<stale::KillSignal> signals = {stale::KillSignal{}};
  std::vector<Failpoint> points = {kFailpoints.begin(), kFailpoints.end()};
  bool idle = true;           // also when the entry is in the cache and the worker is idle
  bool direct_writes = true;  // over the driver's own connection
  bool cached_writes = true;  // through a worker that is not killed

  // True if a mode has no possible failpoint: connections are not killed under the lock.
  bool mode_is_impossible() const {
    return clients && !idle && std::all_of(points.begin(), points.end(), IsUnderLock);
  }
};

// Rounds that get an entry into the cache, or on its way there, kill the worker that caches it,
// write the key, and let all workers read it. stale::KillOf() identifies what a round kills.
void GenerateKills(uint64_t seed, const CasePlan& common, const KillPlan& plan, StaleCase* out);

}  // namespace resprobe::cachelab

#endif  // RESPROBE_CACHELAB_HUNT_STALE_GENERATE_H_
