#include "cachelab/hunt/stale_shrink.h"

#include <algorithm>
#include <utility>

#include "engine/ops_harness.h"
#include "engine/shrink.h"

namespace resprobe::cachelab {
namespace {

constexpr int kOfTheWhole = 10;
// A case that fails in this many runs before it passes in two is reliable. One miss must be
// allowed: on a busy machine a race is lost now and then.
constexpr int kReliable = 3;
constexpr int kMisses = 2;

// Calls `visit(waits)` for each op that may be awaited.
template <typename Ops, typename Visit>
void VisitWaits(Ops& ops, Visit visit) {
  for (auto& op : ops) {
    if (auto* read = std::get_if<stale::Read>(&op)) visit(*read);
    if (auto* write = std::get_if<stale::CachedWrite>(&op)) visit(*write);
  }
}

// The ops that are not awaited: they race with those after them.
size_t Races(const StaleCase& c) {
  size_t races = 0;
  VisitWaits(c.ops, [&](const auto& op) {
    races += op.wait == std::remove_cvref_t<decltype(op.wait)>{} ? 1 : 0;
  });
  return races;
}

StaleCase Awaited(StaleCase c) {
  VisitWaits(c.ops, [](auto& op) {
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(op.wait)>, bool>) {
      op.wait = true;
    } else if (op.wait == stale::Wait::kNo) {
      op.wait = stale::Wait::kAnswer;
    }
  });
  return c;
}

}  // namespace

StaleOutcome RunStaleCase(StaleTarget* target, const StaleCase& c,
                          const std::function<void(const StaleWorld&)>& on_round) {
  OpsHarness<StaleWorld> harness(std::in_place, target);
  StaleWorld& world = harness.world();
  world.OnRound([&] { on_round(world); });
  RunContext run;
  harness.RunCase(c, run);
  world.LeaveTarget();
  StaleOutcome outcome{.sound = world.sound(),
                       .violation = {},
                       .signature = world.signature(),
                       .counts = world.counts(),
                       .rounds = world.rounds(),
                       .events = world.events(),
                       .last_refusal = world.last_refusal()};
  if (run.violated()) outcome.violation = run.violation();
  return outcome;
}

ShrunkCase Shrink(const RunCandidate& run, const StaleCase& from, const Violation& violation,
                  const StaleShrinkLimits& limits) {
  Arena arena;  // for the texts of ops; there are none
  ShrunkCase shrunk;
  shrunk.smallest = from;
  const stale::PoolShape shape = stale::ShapeOf(from.config);
  // One run; true if it failed in the same way.
  const auto fails_once = [&](const StaleCase& candidate) {
    if (shrunk.runs >= limits.runs || limits.stop()) return false;
    ++shrunk.runs;
    StaleOutcome outcome = run(candidate);
    if (!outcome.violation || outcome.violation->invariant != violation.invariant) return false;
    shrunk.outcome = std::move(outcome);
    return true;
  };
  const auto fails_mostly = [&](const StaleCase& candidate) {
    for (int failed = 0, missed = 0; missed < kMisses;) {
      (fails_once(candidate) ? failed : missed) += 1;
      if (failed == kReliable) return true;
    }
    return false;
  };
  const auto fails_ever = [&](const StaleCase& candidate, int attempts) {
    for (int i = 0; i < attempts; ++i) {
      if (fails_once(candidate)) return true;
    }
    return false;
  };
  const bool reliable = fails_mostly(from);
  if (!reliable && !fails_ever(from, kOfTheWhole * limits.attempts)) return shrunk;
  shrunk.reproduced = true;
  // A race that this machine wins now, another one loses: a reliable case may get no more of them.
  size_t races = reliable ? Races(from) : SIZE_MAX;
  const auto fails = [&](const StaleCase& candidate) {
    if (stale::ShapeOf(candidate.config) != shape) return false;
    if (reliable && Races(candidate) > races) return false;
    StaleOutcome before = shrunk.outcome;
    if (reliable ? fails_mostly(candidate) : fails_ever(candidate, limits.attempts)) {
      if (reliable) races = Races(candidate);
      return true;
    }
    shrunk.outcome = std::move(before);
    return false;
  };
  if (const StaleCase awaited = Awaited(from); races > 0 && reliable && fails(awaited)) {
    shrunk.smallest = awaited;
  }
  // Ops after the one at which it failed are not needed, if it fails there in all runs.
  StaleCase head = shrunk.smallest;
  head.ops.resize(std::min(head.ops.size(), shrunk.outcome.violation->op + 1));
  if (head.ops.size() < from.ops.size() && fails(head)) shrunk.smallest = head;
  resprobe::Shrink<StaleWorld>(fails, &arena, &shrunk.smallest);
  stale::NameCommands(stale::KeysOf(shrunk.smallest.config), shrunk.smallest.ops);
  return shrunk;
}

ShrunkCase Shrink(StaleTarget* target, const StaleCase& from, const Violation& violation,
                  const StaleShrinkLimits& limits) {
  const RunCandidate run = [target](const StaleCase& c) {
    // A target that has failed once fails from then on.
    if (!target->failure().empty()) {
      StaleOutcome failed;
      failed.sound = false;
      return failed;
    }
    return RunStaleCase(target, c);
  };
  return Shrink(run, from, violation, limits);
}

}  // namespace resprobe::cachelab
