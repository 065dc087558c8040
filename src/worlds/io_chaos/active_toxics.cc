#include "worlds/io_chaos/active_toxics.h"

#include <algorithm>

namespace resprobe {
namespace {

constexpr int64_t kMostDepth = 20'000;   // of the toxic nesting
constexpr int64_t kMostSafeDepth = 500;  // … if the client is known to recurse
constexpr int64_t kMostGarbage = 64;
constexpr int64_t kMostCalls = 64;  // that one toxic affects
constexpr size_t kMostToxics = 8;

}  // namespace

void ActiveToxics::Reset() {
  list_.clear();
  refuse_ = 0;
  late_us_ = 0;
  evil_memory_ = false;
}

bool ActiveToxics::Add(ToxicKind kind, ToxicDirection direction,
                       std::array<int64_t, kToxicAttributes> attributes) {
  if (kind == ToxicKind::kNesting) {
    attributes[1] =
        std::min(attributes[1], guard_->Avoids(KnownFault::kNesting) ? kMostSafeDepth : kMostDepth);
  }
  if (kind == ToxicKind::kGarbage) attributes[1] = std::min(attributes[1], kMostGarbage);
  const ToxicPlace place = InfoOf(kind).place;
  if (place == ToxicPlace::kCall) {
    // Limited, so that in the end a call succeeds.
    int64_t& calls = attributes[kind == ToxicKind::kShortWrite ? 2 : 1];
    calls = std::min(calls, kMostCalls);
  }
  const Toxic toxic = MakeToxic(kind, direction, attributes);
  const bool attribute =
      kind == ToxicKind::kAttribute || (kind == ToxicKind::kWrongType && toxic.values[1] == '|');
  if (attribute && guard_->Avoids(KnownFault::kAttributeAsReply)) return false;
  switch (place) {
    case ToxicPlace::kStream:
    case ToxicPlace::kReply:
      std::erase_if(list_, [&](const Toxic& old) {
        return old.kind == toxic.kind && old.direction == toxic.direction;
      });
      if (list_.size() == kMostToxics) list_.erase(list_.begin());
      list_.push_back(toxic);
      return true;
    case ToxicPlace::kConnect:
      if (kind == ToxicKind::kRefuse) {
        refuse_ = toxic.values[0] == 0 ? -1 : static_cast<int>(toxic.values[0]);
      } else {
        late_us_ = toxic.values[0] * 1000;
      }
      return false;
    case ToxicPlace::kMemory:
      if (guard_->Avoids(KnownFault::kAllocationsUnchecked)) return false;
      evil_memory_ = true;
      [[fallthrough]];
    case ToxicPlace::kCall:
      run_->system.SetCallToxic(toxic);
      return false;
  }
  return false;
}

void ActiveToxics::Clear() {
  list_.clear();
  refuse_ = 0;
  late_us_ = 0;
  run_->system.ClearCallToxics();
}

ActiveToxics::Outcome ActiveToxics::Connecting() {
  ToxicCounts& counts = run_->system.counts();
  Outcome outcome = {.late_us = late_us_, .accepts = refuse_ == 0};
  if (late_us_ > 0) counts.Fired(ToxicKind::kLateConnect);
  if (refuse_ != 0) counts.Fired(ToxicKind::kRefuse);
  if (refuse_ > 0) --refuse_;
  for (const Toxic& toxic : list_) {
    if (toxic.kind != ToxicKind::kDown) continue;
    outcome.accepts = false;
    counts.Fired(ToxicKind::kDown);
  }
  return outcome;
}

}  // namespace resprobe
