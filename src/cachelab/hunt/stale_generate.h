#ifndef RESPROBE_CACHELAB_HUNT_STALE_GENERATE_H_
#define RESPROBE_CACHELAB_HUNT_STALE_GENERATE_H_

// Seed -> case, for the hunts. A case is a list of rounds, each of which ends with checks by all
// workers and a `settle`. Each seed has swarm weights of its own (engine/generate.h): it leaves out
// some kinds of steps and makes others more common.

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "cachelab/hunt/stale_world.h"

namespace resprobe::live {

// What all cases of a hunt have in common.
struct CasePlan {
  stale::Config config = {};
  // A case uses as many of them as an Index can name, from a place that its seed chooses.
  int keys = 16;
  std::vector<std::string> commands =
      {};  // KeyPlan::commands: of each type, one reads and one writes
};

// What the rounds of `invalidate` are made of.
struct RacePlan {
  int kill_percent = 0;   // of rounds in which one connection or worker is killed
  int flush_percent = 2;  // of rounds in which all keys are flushed
};

// Rounds in which reads and writes of a few keys overlap, some of them held where caches go wrong.
void GenerateRaces(uint64_t seed, const CasePlan& common, const RacePlan& plan, StaleCase* out);

struct KillPlan {
  bool clients = true;    // CLIENT KILL
  bool processes = true;  // signals
  std::vector<stale::KillSignal> signals = {stale::KillSignal{}};
  std::vector<Failpoint> points = {kFailpoints.begin(), kFailpoints.end()};
  bool idle = true;           // also when the entry is in the cache and nothing is going on
  bool direct_writes = true;  // by the driver's own connection
  bool cached_writes = true;  // through a worker that stays alive

  // Whether a mode is left without a moment: connections are not killed under the lock.
  bool mode_is_impossible() const {
    return clients && !idle && std::all_of(points.begin(), points.end(), IsUnderLock);
  }
};

// Rounds that get an entry into the cache, or on its way there, kill who put it, write the key, and
// let all read it. stale::KillOf() names what a round kills.
void GenerateKills(uint64_t seed, const CasePlan& common, const KillPlan& plan, StaleCase* out);

}  // namespace resprobe::live

#endif  // RESPROBE_CACHELAB_HUNT_STALE_GENERATE_H_
