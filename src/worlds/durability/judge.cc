#include "worlds/durability/judge.h"

#include <algorithm>
#include <array>

namespace resprobe {
namespace {

using enum DurabilityResult;

constexpr std::array<std::string_view, kDurabilityResults> kNames = {
    "kept",          "within_promise", "unavailable",    "silent_refusal",   "lost_acknowledged",
    "beyond_window", "lost_snapshot",  "not_a_snapshot", "torn_transaction", "wrong_expiry",
    "hole",          "poisoned",       "stuck"};

// Why a version is promised.
constexpr std::array<std::string_view, 4> kPolicies = {
    "acknowledged under appendfsync always", "acknowledged under appendfsync everysec",
    "acknowledged under appendfsync no", "acknowledged without a log"};
constexpr std::string_view kRewrite = "confirmed by a rewrite of the log";
constexpr std::string_view kRecovered = "recovered by the process that crashes now";

std::string_view WhyOf(DurabilityPolicy policy) { return kPolicies[static_cast<size_t>(policy)]; }

// "3.200 s".
std::string Seconds(int64_t us) {
  const std::string ms = std::to_string(us / 1000 % 1000);
  return std::to_string(us / 1'000'000) + '.' + std::string(3 - ms.size(), '0') + ms + " s";
}

}  // namespace

std::string_view NameOf(DurabilityResult result) { return kNames[static_cast<size_t>(result)]; }

std::string_view InvariantOf(DurabilityResult result) {
  switch (result) {
    case kLostAcknowledged:
    case kBeyondWindow:
      return "acknowledged_kept";
    case kLostSnapshot:
    case kNotASnapshot:
      return "snapshot_kept";
    default:
      return "prefix_recovered";
  }
}

DurabilityOutcome OutcomeOf(DurabilityResult result) {
  switch (result) {
    case kKept:
      return DurabilityOutcome::kKept;
    case kWithinPromise:
      return DurabilityOutcome::kLostWithinPromise;
    case kUnavailable:
    case kSilentRefusal:
      return DurabilityOutcome::kUnavailable;
    case kLostAcknowledged:
    case kBeyondWindow:
    case kLostSnapshot:
      return DurabilityOutcome::kLost;
    case kNotASnapshot:
    case kTornTransaction:
    case kWrongExpiry:
    case kHole:
      break;
    case kPoisoned:
      return DurabilityOutcome::kPoisoned;
    case kStuck:
      return DurabilityOutcome::kStuck;
  }
  return DurabilityOutcome::kMixed;
}

std::string_view NameOf(DurabilityOutcome outcome) {
  constexpr std::string_view kOutcomes[] = {
      "kept", "lost within the promise", "lost", "mixed", "unavailable", "poisoned", "stuck"};
  return kOutcomes[static_cast<size_t>(outcome)];
}

// --- What has happened.

void DurabilityJudge::Reset(DurabilityPolicy policy) {
  policy_ = policy;
  durable_ = confirmed_ = written_ = {};
  acknowledged_ = rewrite_ = 0;
  fsync_since_us_ = -1;
  window_.clear();
  lost_fsync_ = damaged_ = rewriting_ = rewrite_spoiled_ = snapshot_spoiled_ = false;
  snapshots_.assign(1, 0);
  older_snapshots_.clear();
}

void DurabilityJudge::Restart(const DurabilityCrash& crash, uint32_t recovered, uint32_t latest) {
  const Promise loaded = {.version = latest, .at_us = crash.at_us, .why = kRecovered};
  if (policy_ == DurabilityPolicy::kSnapshots) {
    // After a kill the name of a new file may not be durable yet.
    if (crash.power_failure) snapshots_.assign(1, recovered);
  } else {
    // A kill leaves in the page cache what was not durable; the new process does not sync it before
    // its next write.
    const Required required = RequiredOfLog({.power_failure = true, .at_us = crash.at_us});
    durable_ = crash.power_failure ? loaded : required.all;
    confirmed_ = crash.power_failure ? loaded : required.strict;
    written_ = loaded;
  }
  if (crash.power_failure) lost_fsync_ = damaged_ = false;
  acknowledged_ = latest;
  fsync_since_us_ = -1;
  window_.clear();
}

void DurabilityJudge::Acknowledge(const Turn& turn) {
  policy_ = turn.policy;
  if (fsync_since_us_ >= 0 && turn.fsync_since_us != fsync_since_us_) {
    // It has ended. What came after its start waits for the next one.
    for (Acknowledged& each : window_) {
      if (each.at_us >= fsync_since_us_) each.at_us = turn.now_us;
    }
  }
  fsync_since_us_ = turn.fsync_since_us;
  acknowledged_ = turn.version;
  if (turn.policy == DurabilityPolicy::kSnapshots) return;
  const Promise sent = {.version = turn.version, .at_us = turn.now_us, .why = WhyOf(turn.policy)};
  if (turn.policy == DurabilityPolicy::kAlways && turn.wrote && !turn.held) {
    if (!lost_fsync_) durable_ = confirmed_ = sent;
    written_ = sent;
    window_.clear();
    return;
  }
  // While an fsync is under way a write waits for it, for 2 s at most.
  if (turn.fsync_since_us < 0 && !turn.write_fails) Raise(&written_, sent);
  if (turn.policy != DurabilityPolicy::kEverySecond || turn.held || turn.write_fails) {
    // What has not been owed for its age yet waits for the operating system, or for the disk.
    durable_ = RequiredOfLog({.power_failure = true, .at_us = turn.now_us}).all;
    window_.clear();
    return;
  }
  if (turn.wrote) window_.push_back({turn.now_us, turn.version});
}

void DurabilityJudge::Confirm(uint32_t version, int64_t now_us, std::string_view what) {
  const Promise confirmed = {.version = version, .at_us = now_us, .why = what};
  Raise(&written_, confirmed);
  if (lost_fsync_) return;
  Raise(&durable_, confirmed);
  Raise(&confirmed_, confirmed);
}

void DurabilityJudge::SnapshotBegins(uint32_t version) {
  snapshot_spoiled_ = false;
  snapshots_.push_back(version);
}

void DurabilityJudge::SnapshotEnds(uint32_t version) {
  if (snapshot_spoiled_) return;
  for (const uint32_t older : snapshots_) {
    if (older != version) older_snapshots_.push_back(older);
  }
  snapshots_.assign(1, version);
}

void DurabilityJudge::RewriteBegins(uint32_t version) {
  rewrite_spoiled_ = false;
  rewriting_ = true;
  rewrite_ = version;
}

void DurabilityJudge::RewriteEnds(int64_t now_us) {
  const Promise done = {.version = rewrite_, .at_us = now_us, .why = kRewrite};
  rewriting_ = false;
  if (!rewrite_spoiled_) {
    lost_fsync_ = false;
    Raise(&durable_, done);
    Raise(&confirmed_, done);
  }
  Raise(&written_, done);
}

void DurabilityJudge::FsyncLost(bool lied) {
  if (lied && rewriting_) durable_ = confirmed_ = {};
  lost_fsync_ = rewrite_spoiled_ = snapshot_spoiled_ = true;
  window_.clear();
}

// --- What must be recovered.

DurabilityJudge::Required DurabilityJudge::RequiredOfLog(const DurabilityCrash& crash) const {
  Required required;
  if (damaged_) return required;
  required = {.all = durable_, .strict = confirmed_};
  if (!crash.power_failure) {
    Raise(&required.all, written_);
    Raise(&required.strict, written_);
  } else if (lost_fsync_) {
    return required;
  }
  // What an fsync covers that hangs, and what waits for it, is not owed yet.
  const int64_t until = crash.power_failure && fsync_since_us_ >= 0
                            ? std::min(crash.at_us, fsync_since_us_)
                            : crash.at_us;
  const int64_t window = options_.window_us + (crash.power_failure ? 0 : options_.turn_us);
  for (const Acknowledged& each : window_) {
    if (each.at_us + window > until) break;
    Raise(&required.all, {.version = each.version,
                          .at_us = each.at_us,
                          .why = WhyOf(DurabilityPolicy::kEverySecond)});
  }
  return required;
}

void DurabilityJudge::At(const DurabilityCrash& crash) {
  crash_ = crash;
  if (policy_ == DurabilityPolicy::kSnapshots) {
    required_ = strict_ = {.version = snapshots_.front(), .at_us = 0, .why = {}};
  } else {
    const Required required = RequiredOfLog(crash);
    required_ = required.all;
    strict_ = required.strict;
  }
}

// --- What was recovered.

void DurabilityJudge::Begin() {
  best_ = kHole;
  recovered_ = DurabilityVerdict::kNoVersion;
}

DurabilityResult DurabilityJudge::ResultOf(const Match& match) const {
  if (!match.times) return kWrongExpiry;
  if (policy_ == DurabilityPolicy::kSnapshots) {
    if (std::ranges::find(snapshots_, match.version) != snapshots_.end()) return kKept;
    const bool older = std::ranges::find(older_snapshots_, match.version) != older_snapshots_.end();
    return older || match.version == 0 ? kLostSnapshot : kNotASnapshot;
  }
  if (match.inside) return kTornTransaction;
  if (match.version < strict_.version) return kLostAcknowledged;
  if (match.version < required_.version) return kBeyondWindow;
  return match.version < acknowledged_ ? kWithinPromise : kKept;
}

bool DurabilityJudge::Consider(const Match& match) {
  constexpr std::array<uint8_t, kDurabilityResults> kBadness = {0, 0, 0, 0, 2, 1, 2,
                                                                2, 3, 4, 5, 5, 5};
  const auto badness = [&](DurabilityResult r) { return kBadness[static_cast<size_t>(r)]; };
  const DurabilityResult result = ResultOf(match);
  if (recovered_ != DurabilityVerdict::kNoVersion && badness(result) >= badness(best_)) {
    return false;
  }
  best_ = result;
  recovered_ = match.version;
  return !IsBroken(result);
}

DurabilityVerdict DurabilityJudge::Verdict() const {
  DurabilityVerdict verdict = {
      .result = best_, .recovered = recovered_, .required = required_.version};
  if (damaged_ && IsBroken(best_)) {
    verdict.result = kWithinPromise;
    verdict.excused = true;
  }
  return verdict;
}

DurabilityVerdict DurabilityJudge::Refused(std::string_view reason) const {
  return {.result = reason.empty() ? kSilentRefusal : kUnavailable, .required = required_.version};
}

// --- In words.

std::string DurabilityJudge::Name(uint32_t version) const {
  if (version == 0) return "version 0 (nothing)";
  std::string name = "version " + std::to_string(version);
  const std::string text = describe_ ? describe_(version) : "";
  return text.empty() ? name : name + " (" + text + ")";
}

std::string DurabilityJudge::Expected(const DurabilityVerdict& verdict) const {
  const std::string at =
      std::string(crash_.power_failure ? " (power failure at " : " (kill -9 at ") +
      Seconds(crash_.at_us) + ")";
  if (policy_ == DurabilityPolicy::kSnapshots) {
    std::string text = "the last finished snapshot, " + Name(required_.version);
    for (size_t i = 1; i < snapshots_.size(); ++i) {
      text += ", or the one that was under way, " + Name(snapshots_[i]);
    }
    return text + at;
  }
  if (verdict.result == kTornTransaction) {
    return "all or nothing of the transaction of which " + Name(verdict.recovered) + " is a part" +
           at;
  }
  const std::string total = std::to_string(acknowledged_);
  if (required_.version == 0) return "any version, of " + total + " that were acknowledged" + at;
  return "at least " + Name(required_.version) + " of " + total + ": " +
         std::string(required_.why) + " at " + Seconds(required_.at_us) + at;
}

std::string DurabilityJudge::Seen(const DurabilityVerdict& verdict) const {
  switch (verdict.result) {
    case kUnavailable:
      return "the server does not start, and says why";
    case kSilentRefusal:
      return "the server does not start, and does not say why";
    default:
      break;
  }
  if (verdict.recovered == DurabilityVerdict::kNoVersion) return "a state that no version has";
  const std::string text = Name(verdict.recovered);
  switch (verdict.result) {
    case kWrongExpiry:
      return text + ", with other times to live";
    case kNotASnapshot:
      return text + ", of which no snapshot was taken";
    case kTornTransaction:
      return text + ", without the rest of its transaction";
    case kLostAcknowledged:
    case kBeyondWindow:
      return text + "; " + Name(verdict.recovered + 1) + " is lost";
    default:
      return text;
  }
}

}  // namespace resprobe
