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
  const auto fails = [&](const StaleCase& candidate) {
    if (stale::ShapeOf(candidate.config) != shape) return false;
    StaleOutcome before = shrunk.outcome;
    if (reliable ? fails_mostly(candidate) : fails_ever(candidate, limits.attempts)) return true;
    shrunk.outcome = std::move(before);
    return false;
  };
  // Ops after the one at which it failed are not needed, if it fails there in all runs.
  StaleCase head = from;
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
