#include "cachelab/hunt/stale_shrink.h"

#include <algorithm>
#include <utility>

#include "engine/ops_harness.h"
#include "engine/shrink.h"

namespace resprobe::live {
namespace {

constexpr int kOfTheWhole = 10;

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
  bool broken = false;
  const auto fails = [&](const StaleCase& candidate, int attempts) {
    if (stale::ShapeOf(candidate.config) != shape) return false;
    for (int i = 0; i < attempts && !broken; ++i) {
      if (shrunk.runs >= limits.runs || limits.stop()) return false;
      ++shrunk.runs;
      StaleOutcome outcome = run(candidate);
      broken = !outcome.sound;
      if (!outcome.violation || outcome.violation->invariant != violation.invariant) continue;
      shrunk.outcome = std::move(outcome);
      return true;
    }
    return false;
  };
  // Timing may prevent the failure: allow more runs of the whole case.
  if (!fails(from, kOfTheWhole * limits.attempts)) return shrunk;
  shrunk.reproduced = true;
  // Ops after the one at which it failed are not needed, if it fails there in all runs.
  StaleCase head = from;
  head.ops.resize(std::min(head.ops.size(), shrunk.outcome.violation->op + 1));
  if (head.ops.size() < from.ops.size() && fails(head, limits.attempts)) shrunk.smallest = head;
  resprobe::Shrink<StaleWorld>(
      [&](const StaleCase& candidate) { return fails(candidate, limits.attempts); }, &arena,
      &shrunk.smallest);
  stale::NameCommands(stale::KeysOf(shrunk.smallest.config), shrunk.smallest.ops);
  return shrunk;
}

ShrunkCase Shrink(StaleTarget* target, const StaleCase& from, const Violation& violation,
                  const StaleShrinkLimits& limits) {
  return Shrink([target](const StaleCase& c) { return RunStaleCase(target, c); }, from, violation,
                limits);
}

}  // namespace resprobe::live
