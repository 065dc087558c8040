#include "live/durability/recovery_ruling.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "live/durability/durable_server.h"

namespace resprobe::live {
DurabilityCrash CrashOf(CrashKind kind, int64_t at_ms) {
  return {.power_failure = kind == CrashKind::kMachine, .at_us = (at_ms - kDurableStartMs) * kMsUs};
}

void RecoveryRuling::Crashed() {
  for (auto& [from, to] : evictions_) to = std::min(to, history_->version());
}

bool RecoveryRuling::LacksEvictedKeys(const DurabilityVerdict& verdict,
                                      const Keyspace& recovered) const {
  for (const auto& [from, to] : evictions_) {
    const uint32_t since = std::max(from, verdict.required);
    if (since <= to && history_->DiffersOnlySince(recovered, since, /*or_missing=*/true)) {
      return true;
    }
  }
  return false;
}

DurabilityVerdict RecoveryRuling::Rule(const DurabilityCrash& crash, const Keyspace& recovered) {
  judge_->At(crash);
  DurabilityVerdict verdict = history_->Judge(recovered, judge_);
  if (IsBroken(verdict.result) && LacksEvictedKeys(verdict, recovered)) {
    verdict.result = DurabilityResult::kWithinPromise;
    verdict.recovered = verdict.required;
  }
  counts_->Recovered(OutcomeOf(verdict.result));
  return verdict;
}

bool RecoveryRuling::Excuses(const DurabilityVerdict& verdict, CrashKind kind, CrashLevel level,
                             const Unsynced& unsynced, const Keyspace& recovered) const {
  if (kind != CrashKind::kMachine) return false;
  const bool mixed = OutcomeOf(verdict.result) == DurabilityOutcome::kMixed;
  // Pages that a failed fsync has lost.
  if (mixed && judge_->in_doubt()) return true;
  if (judge_->policy() == DurabilityPolicy::kSnapshots) return false;
  if (unsynced.directory || unsynced.old_names || unsynced.closed_file) return true;
  // The end of the log that was not durable may be anything.
  return mixed && unsynced.any && level == CrashLevel::kWeak &&
         history_->DiffersOnlySince(recovered, judge_->required());
}

Violation RecoveryRuling::Explain(const DurabilityVerdict& verdict,
                                  const Keyspace& recovered) const {
  const uint32_t beside =
      verdict.recovered == DurabilityVerdict::kNoVersion ? history_->version() : verdict.required;
  return {.invariant = std::string(InvariantOf(verdict.result)),
          .expected = judge_->Expected(verdict),
          .seen = std::string(NameOf(verdict.result)) + ": " + judge_->Seen(verdict) +
                  "; beside version " + std::to_string(beside) + ": " +
                  history_->Difference(recovered, beside)};
}

}  // namespace resprobe::live
