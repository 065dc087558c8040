#ifndef RESPROBE_WORLDS_DURABILITY_CRASH_POINTS_H_
#define RESPROBE_WORLDS_DURABILITY_CRASH_POINTS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/server/server.h"
#include "engine/arena.h"
#include "engine/op.h"
#include "engine/run_context.h"
#include "sim/disk/crash_states.h"
#include "sim/disk/disk.h"
#include "sim/disk/disk_files.h"
#include "worlds/durability/durability_world.h"

namespace resprobe {

// A crash after which a server did not recover what it owes.
struct CrashFailure {
  size_t op = 0;          // the op during which it crashed; the number of ops: in Settle()
  uint64_t after = 0;     // calls to the disk since the op began: that of Kill and PowerLoss
  bool starting = false;  // while the next process loaded: since it began, from 0
  CrashKind kind = CrashKind::kMachine;
  std::vector<uint32_t> choices;  // of PowerLoss
  std::string left;               // what was left, in words
  Violation violation;
};

// The case up to the crash, and the crash. Its texts are in `arena`.
Case<DurabilityWorld> CrashedCase(const Case<DurabilityWorld>& all, const CrashFailure& failure,
                                  CrashLevel level, Arena* arena);

// Runs a case once, and at each of its calls to the disk crashes it: by kill -9, and by a power
// failure in every state that this may leave, up to a budget. A server of its own starts on each of
// these states, and what it recovers is judged as DurabilityWorld judges it. The run itself goes on
// undisturbed.
class CrashPoints : private DiskObserver {
 public:
  struct Options {
    CrashLevel level = CrashLevel::kPrefix;
    // The most states of one crash point; if there are more, the rest is left out (untried).
    uint64_t states_per_point = 1000;
    // Asked before each recovery; true: the run ends early, and says nothing of the case.
    bool (*stop)() = [] { return false; };
  };
  struct Counts {
    uint64_t points = 0;    // calls to the disk
    uint64_t over = 0;      // of these, of a process that starts over on a new disk: not crashed
    uint64_t starting = 0;  // of these, while a process starts, the first one included
    uint64_t same = 0;      // of these, where a crash finds what it found at the call before
    uint64_t states = 0;    // upper bound of what power failures may leave; saturates
    uint64_t run = 0;       // recoveries, those after kill -9 included
    uint64_t all = 0;       // recovered everything, unacknowledged changes included
    uint64_t prefix = 0;    // recovered a part, as the policy allows
    uint64_t refused = 0;   // did not start, as the level excuses
    uint64_t torn = 0;      // recovered what was never there, as the level excuses
    uint64_t failed = 0;    // judged wrong
  };

  // `wrap`: a faulty file system for the run, as DurabilityWorld takes it.
  explicit CrashPoints(const DurabilityWorld::Wrap& wrap = nullptr);

  // Runs the case; false if it fails by itself (run.violation()).
  bool Run(const DurabilityWorld::Config& config, const std::vector<DurabilityWorld::Op>& ops,
           const Options& options, RunContext& run);

  const Counts& counts() const { return counts_; }
  // The first that was judged wrong.
  const std::optional<CrashFailure>& failure() const { return failure_; }

 private:
  struct Lines : PersistenceLog {
    std::string last;
    void Line(std::string_view text) override { last.assign(text); }
  };

  void OnCall(const Disk& disk, const DiskCall& call) override;
  // Recovers from disk_, and judges.
  void Judge(const DurabilityWorld::CrashFacts& crash);
  void Fail(CrashKind kind, Violation violation);

  DurabilityWorld world_;
  Options options_;
  DurabilityWorld::Config config_;
  std::unique_ptr<Server> servers_[2];  // by profile
  Disk disk_;
  DiskFiles files_{&disk_};
  CrashStates states_;
  Lines lines_;
  Counts counts_;
  std::optional<CrashFailure> failure_;
  ServerConfig settings_;
  int64_t now_ms_ = 0;
  size_t op_ = 0;
  uint64_t op_began_ = 0;  // io_count() of the world's disk
  uint64_t seen_disk_ = 0;
  uint32_t seen_version_ = 0;
  uint32_t seen_least_ = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_DURABILITY_CRASH_POINTS_H_
