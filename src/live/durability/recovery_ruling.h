#ifndef RESPROBE_LIVE_DURABILITY_RECOVERY_RULING_H_
#define RESPROBE_LIVE_DURABILITY_RECOVERY_RULING_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "core/keyspace/keyspace.h"
#include "engine/run_context.h"
#include "live/durability/unsynced.h"
#include "sim/disk/disk.h"
#include "worlds/durability/durability_counts.h"
#include "worlds/durability/judge.h"
#include "worlds/durability/state_history.h"

namespace resprobe::live {

// A crash as the judge knows it, at a time in ms since 1970.
DurabilityCrash CrashOf(CrashKind kind, int64_t at_ms);

// Rules on what a real server has recovered: the judge's verdict over the history of states, with
// two things that the judge cannot know. A real server evicts keys, unnoticed by the core beside
// it; and it does not sync everything in time (Unsynced).
class RecoveryRuling {
 public:
  // None is owned. Each ruling is counted.
  RecoveryRuling(StateHistory* history, DurabilityJudge* judge, DurabilityCounts* counts)
      : history_(history), judge_(judge), counts_(counts) {}

  // A new disk.
  void Reset() { evictions_.clear(); }
  // From the latest version on, keys may be evicted; until the latest one, they may have been.
  void EvictionsBegin() { evictions_.emplace_back(history_->version(), UINT32_MAX); }
  void EvictionsEnd() { evictions_.back().second = history_->version(); }
  // The process is gone, and evicts no more.
  void Crashed();

  DurabilityVerdict Rule(const DurabilityCrash& crash, const Keyspace& recovered);
  // True if no server promises more: see docs/durability.md. For a verdict that is broken.
  bool Excuses(const DurabilityVerdict& verdict, CrashKind kind, CrashLevel level,
               const Unsynced& unsynced, const Keyspace& recovered) const;
  // A verdict that is broken, as a violation.
  Violation Explain(const DurabilityVerdict& verdict, const Keyspace& recovered) const;

 private:
  // Of a state that no version is: whether it can be one from which keys were evicted since.
  bool LacksEvictedKeys(const DurabilityVerdict& verdict, const Keyspace& recovered) const;

  StateHistory* const history_;
  DurabilityJudge* const judge_;
  DurabilityCounts* const counts_;
  // Versions during which keys may have been evicted: from, to.
  std::vector<std::pair<uint32_t, uint32_t>> evictions_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_DURABILITY_RECOVERY_RULING_H_
