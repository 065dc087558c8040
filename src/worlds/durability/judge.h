#ifndef RESPROBE_WORLDS_DURABILITY_JUDGE_H_
#define RESPROBE_WORLDS_DURABILITY_JUDGE_H_

// Says whether what a server has recovered is what it had promised.
//
// Model: a history of effects (history.h), and the state of the data after each prefix of them.
//
// Promise: the recovered state is that after a prefix of the logged order, and the prefix does not
// end within a transaction. Its least length:
//               kill -9                                      power failure
//   always      all acknowledged effects                     all acknowledged effects
//   everysec    all acknowledged, except those that waited   all acknowledged, except those of the
//               for an fsync under way (2 s)                 last 2 s, counted from the start of an
//                                                            fsync that hangs or has failed
//   no          all acknowledged effects                     any
//   snapshots   exactly the last finished snapshot, or one that was under way
// What the server has confirmed (a receipt) is kept in any case. Effects that were not acknowledged
// may be recovered. A server that refuses to start and says why is unavailable; nothing is lost.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "worlds/durability/history.h"

namespace resprobe {

// A state of the data. Times to live are apart, so that wrong ones have a verdict of their own:
// absolute times, hashed.
struct StateDigest {
  uint64_t values = 0;
  uint64_t expiries = 0;

  bool operator==(const StateDigest&) const = default;
};

// The reference model: what the data are after each prefix.
class PrefixStates {
 public:
  virtual ~PrefixStates() = default;
  // The state after the first `effects`, as it would show at the time of the recovery. Asked in
  // ascending order, once for each prefix, and again for those that were taken back
  // (DurabilityHistory::Recovered) or after DurabilityJudge::Reset().
  virtual StateDigest After(size_t effects) = 0;
  // An effect for reports: "SET a 1"; empty: not known.
  virtual std::string Describe(size_t) { return ""; }
};

struct DurabilityCrash {
  bool power_failure = false;  // otherwise the process alone was killed
  int64_t at_us = 0;
};

// What the next process has made of the files.
struct RecoveredState {
  bool refused = false;          // it did not start
  std::string_view reason = {};  // of a refusal: the server's log line
  StateDigest state = {};        // if it started
};

enum class DurabilityResult : uint8_t {
  kKept,
  kUnavailable,       // refused, with a reason
  kSilentRefusal,     // refused, without one
  kLostAcknowledged,  // acknowledged effects, or confirmed ones, are lost
  kBeyondWindow,      // more is lost than everysec allows
  kTornTransaction,   // a part of a unit
  kWrongExpiry,       // the values of a prefix, with other times to live
  kHole,              // no prefix
  kLostSnapshot,      // an older snapshot than the last finished one
  kNotASnapshot,      // a prefix, but no snapshot
};
inline constexpr size_t kDurabilityResults = 10;
std::string_view NameOf(DurabilityResult result);
// Unavailable is neither a success nor a broken promise.
constexpr bool IsBroken(DurabilityResult result) {
  return result >= DurabilityResult::kSilentRefusal;
}

struct DurabilityVerdict {
  DurabilityResult result = DurabilityResult::kKept;
  // The prefix that was recovered; kNoPrefix if there is none.
  size_t recovered = 0;
  // The least prefix that had to be.
  size_t required = 0;
  // It is kept only because of an excuse in the history.
  bool excused = false;

  static constexpr size_t kNoPrefix = SIZE_MAX;
};

struct DurabilityJudgeOptions {
  // everysec: at most what was logged in this time is lost, in microseconds.
  int64_t window_us = 2'000'000;
  // A restarted process makes what it has loaded durable. redis and valkey do not: what kill -9 has
  // left in the page cache alone is lost by a later power failure, however old it is. false: an
  // effect that was not durable in its own life is promised only by a receipt.
  bool restart_syncs = true;
};

class DurabilityJudge {
 public:
  explicit DurabilityJudge(const DurabilityJudgeOptions& options = {}) : options_(options) {}

  // Neither is owned. Both may go on afterwards; the judge asks only for prefixes that are new.
  // Call it again if the digests change for another reason: keys have expired.
  void Reset(const DurabilityHistory* history, PrefixStates* states);

  // What must be recovered if the crash is now, at the end of the history. Once for each crash
  // point.
  void At(const DurabilityCrash& crash);
  // The least prefix that must be recovered; for snapshots: the last finished one.
  size_t required() const { return required_; }
  // Judges one state, as often as there are states for this crash point.
  DurabilityVerdict Judge(const RecoveredState& recovered) const;

  // Both sides in words, for the state that was judged last: "at least the first 12 of 14 effects:
  // SET a 1 was acknowledged at 3.200 s (always, power failure)", "the first 9 effects".
  std::string Expected(const DurabilityVerdict& verdict) const;
  std::string Seen(const DurabilityVerdict& verdict, const RecoveredState& recovered) const;

 private:
  void FindSnapshots();
  void FindRequired();
  // Whether everysec promises this effect at a power failure.
  bool IsDue(size_t effect) const;
  // Whether kill -9 may lose it: its write may have waited for an fsync.
  bool MayHaveWaited(const DurabilityHistory::Effect& effect) const;
  // The first effect that failed fsyncs under everysec have put in doubt.
  size_t FirstInDoubt() const;
  bool CuredSince(int64_t at_us, size_t effects) const;
  void AskForStates();
  bool EndsUnit(size_t prefix) const {
    return prefix == 0 || history_->effects()[prefix - 1].ends_unit;
  }
  DurabilityResult JudgePrefix(size_t prefix, const StateDigest& state) const;
  std::string EffectName(size_t effect) const;

  DurabilityJudgeOptions options_;
  const DurabilityHistory* history_ = nullptr;
  PrefixStates* states_ = nullptr;
  std::vector<StateDigest> digests_;  // of prefixes
  uint64_t generation_ = 0;

  DurabilityCrash crash_;
  bool damaged_ = false;
  // What demands the required prefix.
  enum class Reason : uint8_t { kNothing, kEffect, kReceipt };
  Reason reason_ = Reason::kNothing;
  size_t reason_index_ = 0;
  size_t required_ = 0;
  size_t required_strictly_ = 0;  // without the window of everysec
  size_t promised_ = 0;           // without excuses
  bool snapshots_ = false;
  std::vector<size_t> allowed_;  // prefixes of snapshots
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_DURABILITY_JUDGE_H_
