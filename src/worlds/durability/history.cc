#include "worlds/durability/history.h"

#include <algorithm>

namespace resprobe {

void DurabilityHistory::Reset(int64_t now_us, DurabilityPolicy policy) {
  effects_.clear();
  policies_.assign(1, {now_us, policy});
  receipts_.clear();
  snapshots_.clear();
  syncs_.clear();
  lives_.assign(1, {now_us, 0, kNotYet});
  excuses_.clear();
  acknowledged_to_ = 0;
  ++generation_;
  unchanged_ = 0;
}

void DurabilityHistory::Logged(int64_t now_us, bool ends_unit) {
  effects_.push_back({.logged_us = now_us, .ends_unit = ends_unit});
}

void DurabilityHistory::Acknowledged(size_t effect, int64_t now_us) {
  if (effect >= effects_.size()) return;
  Effect& acknowledged = effects_[effect];
  if (acknowledged.acknowledged_us != kNotYet) return;
  acknowledged.acknowledged_us = now_us;
  acknowledged.policy = policy();
}

void DurabilityHistory::AcknowledgedAll(int64_t now_us) {
  for (; acknowledged_to_ < effects_.size(); ++acknowledged_to_) {
    Acknowledged(acknowledged_to_, now_us);
  }
}

void DurabilityHistory::PolicyChanged(int64_t now_us, DurabilityPolicy policy) {
  if (policy != this->policy()) policies_.push_back({now_us, policy});
}

void DurabilityHistory::Receipted(int64_t now_us, size_t effects, std::string_view what) {
  receipts_.push_back({std::min(effects, effects_.size()), now_us, what});
}

void DurabilityHistory::SnapshotStarted(int64_t now_us) {
  snapshots_.push_back({effects_.size(), now_us, kNotYet});
}

void DurabilityHistory::SnapshotFinished(int64_t now_us) {
  if (!snapshots_.empty()) snapshots_.back().finished_us = now_us;
}

void DurabilityHistory::SnapshotFailed() {
  if (!snapshots_.empty() && snapshots_.back().finished_us == kNotYet) {
    snapshots_.back().failed = true;
  }
}

void DurabilityHistory::SyncStarted(int64_t now_us) { syncs_.push_back({.started_us = now_us}); }

void DurabilityHistory::SyncEnded(int64_t now_us, bool failed) {
  if (syncs_.empty() || syncs_.back().ended_us != kNotYet) return;
  syncs_.back().ended_us = now_us;
  syncs_.back().failed = failed;
}

void DurabilityHistory::Excused(int64_t now_us, size_t effects, std::string_view why) {
  excuses_.push_back({effects, now_us, why, /*damage=*/false});
}

void DurabilityHistory::Damaged(int64_t now_us, std::string_view why) {
  excuses_.push_back({0, now_us, why, /*damage=*/true});
}

void DurabilityHistory::Recovered(int64_t crashed_us, int64_t started_us, size_t effects) {
  effects = std::min(effects, effects_.size());
  effects_.resize(effects);
  acknowledged_to_ = std::min(acknowledged_to_, effects);
  // A unit of which only a part was recovered is whole as far as the rest of the run goes.
  if (effects > 0) effects_.back().ends_unit = true;
  for (Receipt& receipt : receipts_) receipt.effects = std::min(receipt.effects, effects);
  for (Snapshot& snapshot : snapshots_) snapshot.effects = std::min(snapshot.effects, effects);
  for (Excuse& excuse : excuses_) excuse.effects = std::min(excuse.effects, effects);
  if (!syncs_.empty() && syncs_.back().ended_us == kNotYet) syncs_.pop_back();
  lives_.back().ended_us = crashed_us;
  lives_.push_back({started_us, effects, kNotYet});
  ++generation_;
  unchanged_ = effects;
}

}  // namespace resprobe
