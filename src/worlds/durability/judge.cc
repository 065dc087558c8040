#include "worlds/durability/judge.h"

#include <algorithm>
#include <array>

namespace resprobe {
namespace {

using Effect = DurabilityHistory::Effect;
using Receipt = DurabilityHistory::Receipt;
using Snapshot = DurabilityHistory::Snapshot;
using Sync = DurabilityHistory::Sync;

constexpr int64_t kNotYet = DurabilityHistory::kNotYet;

constexpr std::array<std::string_view, kDurabilityResults> kNames = {
    "kept",          "unavailable",      "silent_refusal", "lost_acknowledged",
    "beyond_window", "torn_transaction", "wrong_expiry",   "hole",
    "lost_snapshot", "not_a_snapshot"};

// "3.200 s".
std::string Seconds(int64_t us) {
  const std::string ms = std::to_string(us / 1000 % 1000);
  return std::to_string(us / 1'000'000) + '.' + std::string(3 - ms.size(), '0') + ms + " s";
}

std::string Prefix(size_t effects) {
  if (effects == 0) return "the state before the first effect";
  if (effects == 1) return "the first effect";
  return "the first " + std::to_string(effects) + " effects";
}

int64_t Later(int64_t us, int64_t by) { return us > kNotYet - by ? kNotYet : us + by; }

}  // namespace

std::string_view NameOf(DurabilityResult result) { return kNames[static_cast<size_t>(result)]; }

void DurabilityJudge::Reset(const DurabilityHistory* history, PrefixStates* states) {
  history_ = history;
  states_ = states;
  digests_.clear();
  generation_ = history->generation();
}

void DurabilityJudge::AskForStates() {
  if (generation_ != history_->generation()) {
    const size_t valid = generation_ + 1 == history_->generation() ? history_->unchanged() + 1 : 0;
    digests_.resize(std::min(digests_.size(), valid));
    generation_ = history_->generation();
  }
  while (digests_.size() <= history_->effects().size()) {
    digests_.push_back(states_->After(digests_.size()));
  }
}

// --- What must be recovered.

void DurabilityJudge::At(const DurabilityCrash& crash) {
  crash_ = crash;
  AskForStates();
  damaged_ = std::ranges::any_of(history_->excuses(), &DurabilityHistory::Excuse::damage);
  snapshots_ = history_->policy() == DurabilityPolicy::kSnapshots;
  reason_ = Reason::kNothing;
  required_ = 0;
  required_strictly_ = 0;
  promised_ = 0;
  if (snapshots_) {
    FindSnapshots();
  } else {
    FindRequired();
  }
}

void DurabilityJudge::FindSnapshots() {
  // The last one that has finished, and those that began after it.
  allowed_.assign(1, 0);
  for (const Snapshot& snapshot : history_->snapshots()) {
    if (snapshot.finished_us != kNotYet) allowed_.clear();
    if (!snapshot.failed) allowed_.push_back(snapshot.effects);
  }
  required_ = allowed_.front();
  promised_ = required_;
}

void DurabilityJudge::FindRequired() {
  const std::vector<Effect>& effects = history_->effects();
  const std::vector<Receipt>& receipts = history_->receipts();
  for (size_t i = 0; i < receipts.size(); ++i) {
    if (receipts[i].effects <= required_strictly_) continue;
    required_strictly_ = receipts[i].effects;
    reason_ = Reason::kReceipt;
    reason_index_ = i;
  }
  required_ = required_strictly_;
  // The last effect that is promised demands all before it.
  for (size_t i = effects.size(); i-- > required_strictly_;) {
    const Effect& effect = effects[i];
    if (effect.acknowledged_us == kNotYet) continue;
    if (effect.policy == DurabilityPolicy::kSnapshots) continue;
    const bool every_second = effect.policy == DurabilityPolicy::kEverySecond;
    const bool strict = crash_.power_failure ? effect.policy == DurabilityPolicy::kAlways
                                             : !every_second || !MayHaveWaited(effect);
    const bool window =
        !strict && crash_.power_failure && every_second && i >= required_ && IsDue(i);
    if (!strict && !window) continue;
    if (i + 1 > required_) {
      required_ = i + 1;
      reason_ = Reason::kEffect;
      reason_index_ = i;
    }
    if (!strict) continue;
    required_strictly_ = i + 1;
    break;
  }
  promised_ = required_;
  for (const DurabilityHistory::Excuse& excuse : history_->excuses()) {
    if (excuse.damage || CuredSince(excuse.at_us, excuse.effects)) continue;
    required_ = std::min(required_, excuse.effects);
    required_strictly_ = std::min(required_strictly_, excuse.effects);
  }
}

bool DurabilityJudge::CuredSince(int64_t at_us, size_t effects) const {
  return std::ranges::any_of(history_->receipts(), [&](const Receipt& receipt) {
    return receipt.at_us > at_us && receipt.effects > effects;
  });
}

bool DurabilityJudge::MayHaveWaited(const Effect& effect) const {
  if (Later(effect.logged_us, options_.window_us) < crash_.at_us) return false;
  return std::ranges::any_of(history_->syncs(), [&](const Sync& sync) {
    return sync.started_us <= effect.logged_us && sync.ended_us > effect.logged_us;
  });
}

size_t DurabilityJudge::FirstInDoubt() const {
  const std::vector<Effect>& effects = history_->effects();
  size_t first = effects.size();
  for (const Sync& sync : history_->syncs()) {
    if (!sync.failed) continue;
    const auto in_doubt = [&](const Effect& effect) {
      return Later(effect.logged_us, options_.window_us) > sync.started_us;
    };
    const auto found = std::ranges::find_if(effects, in_doubt);
    const auto index = static_cast<size_t>(found - effects.begin());
    if (index < first && !CuredSince(sync.ended_us, index)) first = index;
  }
  return first;
}

bool DurabilityJudge::IsDue(size_t index) const {
  const Effect& effect = history_->effects()[index];
  // It is synced within the window, or after the fsync that it waits for.
  int64_t due = Later(effect.logged_us, options_.window_us);
  for (const Sync& sync : history_->syncs()) {
    if (sync.started_us > due) break;
    if (sync.started_us > effect.logged_us) {  // the one that covers it
      due = std::max(due, sync.ended_us);
      break;
    }
    due = std::max(due, Later(sync.ended_us, options_.window_us));
  }
  int64_t end = crash_.at_us;
  if (!options_.restart_syncs) {
    for (const DurabilityHistory::Life& life : history_->lives()) {
      if (life.ended_us != kNotYet && effect.logged_us < life.ended_us) {
        end = std::min(end, life.ended_us);
      }
    }
  }
  if (due > end) return false;
  const auto changed = [&](const DurabilityHistory::PolicyChange& change) {
    return change.at_us > effect.acknowledged_us && change.at_us < due;
  };
  if (std::ranges::any_of(history_->policies(), changed)) return false;
  return index < FirstInDoubt();
}

// --- What was recovered.

DurabilityResult DurabilityJudge::JudgePrefix(size_t prefix, const StateDigest& state) const {
  if (digests_[prefix].expiries != state.expiries) return DurabilityResult::kWrongExpiry;
  if (snapshots_) {
    if (std::ranges::find(allowed_, prefix) != allowed_.end()) return DurabilityResult::kKept;
    const bool older = std::ranges::any_of(history_->snapshots(), [prefix](const Snapshot& s) {
      return s.effects == prefix && !s.failed;
    });
    return older || prefix == 0 ? DurabilityResult::kLostSnapshot : DurabilityResult::kNotASnapshot;
  }
  if (!EndsUnit(prefix)) return DurabilityResult::kTornTransaction;
  if (prefix < required_strictly_) return DurabilityResult::kLostAcknowledged;
  return prefix < required_ ? DurabilityResult::kBeyondWindow : DurabilityResult::kKept;
}

DurabilityVerdict DurabilityJudge::Judge(const RecoveredState& recovered) const {
  DurabilityVerdict verdict{.required = required_};
  if (recovered.refused) {
    verdict.recovered = DurabilityVerdict::kNoPrefix;
    verdict.result = recovered.reason.empty() ? DurabilityResult::kSilentRefusal
                                              : DurabilityResult::kUnavailable;
    return verdict;
  }
  // Several prefixes may have the same state: the best for the server counts.
  constexpr std::array<uint8_t, kDurabilityResults> kBadness = {0, 0, 0, 2, 1, 3, 4, 5, 2, 2};
  const auto badness = [&](DurabilityResult r) { return kBadness[static_cast<size_t>(r)]; };
  verdict.result = DurabilityResult::kHole;
  verdict.recovered = DurabilityVerdict::kNoPrefix;
  for (size_t prefix = digests_.size(); prefix-- > 0;) {
    if (digests_[prefix].values != recovered.state.values) continue;
    const DurabilityResult result = JudgePrefix(prefix, recovered.state);
    if (badness(result) >= badness(verdict.result)) continue;
    verdict.result = result;
    verdict.recovered = prefix;
    if (result == DurabilityResult::kKept) break;
  }
  if (damaged_ && verdict.result != DurabilityResult::kKept) {
    verdict.result = DurabilityResult::kKept;
    verdict.excused = true;
  } else if (verdict.result == DurabilityResult::kKept) {
    verdict.excused = !snapshots_ && verdict.recovered < promised_;
  }
  return verdict;
}

// --- In words.

std::string DurabilityJudge::EffectName(size_t effect) const {
  std::string name = "effect " + std::to_string(effect + 1);
  const std::string text = states_->Describe(effect);
  if (!text.empty()) name += " (" + text + ")";
  return name;
}

std::string DurabilityJudge::Expected(const DurabilityVerdict& verdict) const {
  const std::string_view crash = crash_.power_failure ? "power failure" : "kill -9";
  const std::string at = std::string(crash) + " at " + Seconds(crash_.at_us);
  if (verdict.result == DurabilityResult::kTornTransaction && verdict.recovered != SIZE_MAX) {
    size_t first = verdict.recovered;
    while (!EndsUnit(first)) --first;
    size_t end = verdict.recovered;
    while (end < history_->effects().size() && !EndsUnit(end)) ++end;
    return "all or nothing of effects " + std::to_string(first + 1) + " to " + std::to_string(end) +
           ", which are one transaction";
  }
  if (snapshots_) {
    std::string text = "the last finished snapshot, " + Prefix(required_);
    for (size_t i = 1; i < allowed_.size(); ++i) {
      text += ", or the one that was under way, " + Prefix(allowed_[i]);
    }
    return text + " (" + at + ")";
  }
  const std::string total = std::to_string(history_->effects().size());
  if (required_ == 0) return "any prefix of " + total + " effects (" + at + ")";
  std::string text = "at least " + Prefix(required_) + " of " + total;
  if (required_ < promised_) return text + "; the faults of the disk excuse the rest (" + at + ")";
  if (reason_ == Reason::kReceipt) {
    const Receipt& receipt = history_->receipts()[reason_index_];
    text += ": confirmed at " + Seconds(receipt.at_us) + " by ";
    text += receipt.what;
  } else {
    const Effect& effect = history_->effects()[reason_index_];
    text += ": " + EffectName(reason_index_) + " was acknowledged at " +
            Seconds(effect.acknowledged_us) + " under appendfsync ";
    text += kDurabilityPolicyNames[static_cast<size_t>(effect.policy)];
  }
  return text + " (" + at + ")";
}

std::string DurabilityJudge::Seen(const DurabilityVerdict& verdict,
                                  const RecoveredState& recovered) const {
  switch (verdict.result) {
    case DurabilityResult::kUnavailable:
      return "the server does not start: " + std::string(recovered.reason);
    case DurabilityResult::kSilentRefusal:
      return "the server does not start, and does not say why";
    default:
      break;
  }
  if (verdict.recovered == DurabilityVerdict::kNoPrefix) {
    return "a state that no prefix of the effects has";
  }
  std::string text = Prefix(verdict.recovered);
  switch (verdict.result) {
    case DurabilityResult::kWrongExpiry:
      return text + ", with other times to live";
    case DurabilityResult::kNotASnapshot:
      return text + ", of which no snapshot was taken";
    case DurabilityResult::kTornTransaction:
      return text + ", without " + EffectName(verdict.recovered);
    case DurabilityResult::kLostAcknowledged:
    case DurabilityResult::kBeyondWindow:
      return text + "; " + EffectName(verdict.recovered) + " is lost";
    default:
      return text;
  }
}

}  // namespace resprobe
