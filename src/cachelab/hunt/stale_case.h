#ifndef RESPROBE_CACHELAB_HUNT_STALE_CASE_H_
#define RESPROBE_CACHELAB_HUNT_STALE_CASE_H_

// What a run against real workers does, as data: it can be generated from a seed, written down, cut
// and run again. Only what the operating system decides (how far each process gets, when) is not in
// it; the points at which workers are held or killed are.

#include <cstdint>
#include <string>
#include <vector>

#include "cachelab/subject/failpoint.h"
#include "cachelab/subject/live_commands.h"

namespace resprobe::live {

// The keys and what is written into them.
struct KeyPlan {
  int keys = 16;
  int members = 4;
  int value_size = 32;
  std::string prefix = "resprobe:";
  std::vector<std::string> types = {"string", "set", "list", "hash", "zset", "stream"};
  // Names of commands, in capitals; empty: all.
  std::vector<std::string> commands = {};

  const std::string& TypeOf(int key) const {
    return types[static_cast<size_t>(key) % types.size()];
  }
  std::string NameOf(int key) const { return prefix + TypeOf(key) + ":" + std::to_string(key); }
  bool Allows(const LiveCommand& command) const;
};

inline constexpr int kDriver = -1;  // instead of a worker: the driver's own connection

struct Action {
  enum class Kind : uint8_t {
    kRead,        // through the cache; goes on without the answer
    kHeldRead,    // the same, and the worker waits at `point` until the round's end
    kAwaitRead,   // the same, and waits for the answer
    kConfirm,     // kAwaitRead that is to be a hit: whether the entry is in the cache
    kWrite,       // by kDriver, which waits; by a worker, through the cache, without waiting
    kAwaitWrite,  // by a worker, through the cache; waits for the answer
    kFlushAll,    // by kDriver
    kFlushDb,     // by kDriver
    kBarrier,     // all invalidations sent so far are taken
    kKillClient,  // CLIENT KILL of the worker's tracked connection
    kKillWorker,  // `signal` to the worker
    kArm,  // the worker raises `signal` when next at `point`; with 0 it waits there until the
           // round's end, or until something else is wanted of it
  };
  Kind kind = Kind::kRead;
  int worker = 0;
  int key = 0;
  int command = 0;  // in LiveCommands()
  int member = 0;
  Failpoint point = Failpoint::kNone;
  int signal = 0;
};

std::string_view ActionName(Action::Kind kind);

// First the actions, whose reads and writes overlap; then a barrier; then the checks: reads (kRead)
// by all workers, which must see the newest version.
struct Round {
  std::vector<Action> actions;
  std::vector<Action> checks;
};

struct StaleCase {
  KeyPlan keys;
  std::vector<Round> rounds;
};

}  // namespace resprobe::live

#endif  // RESPROBE_CACHELAB_HUNT_STALE_CASE_H_
