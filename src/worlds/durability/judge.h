#ifndef RESPROBE_WORLDS_DURABILITY_JUDGE_H_
#define RESPROBE_WORLDS_DURABILITY_JUDGE_H_

// Says whether what a server has recovered is what it had promised. It knows policies and promises
// (redis documentation, "Redis persistence"), and no server: a world reports what has happened from
// the core and a simulated disk, a live test from the replies and the recorded system calls of a
// real server.
//
// Model: the states of the data, numbered from 0 in the order in which changes were logged: the
// versions. What a process recovers at its start is the latest version then, a new one if it is
// another state than the one before.
//
// Promise: the recovered state is a version, not one in the midst of a transaction. The least one:
//               kill -9                                   power failure
//   always      the last that was acknowledged            the same
//   everysec    the same, except what waited for a slow   what was acknowledged 2 s before; less
//               fsync, for 2 s at most                    while an fsync hangs
//   no          the last that was acknowledged            any
//   snapshots   exactly the last finished snapshot, or one that was under way
// What the server has confirmed (a receipt) is kept in any case. What was not acknowledged may be
// recovered. The write whose failure the server notices is acknowledged except under always, and
// not promised; the next ones are refused. After an fsync that failed, or that lied, nothing newer
// than what was durable before it is promised, until the log is rewritten. A server that refuses to
// start and says why is unavailable; nothing is lost.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace resprobe {

// What the server is configured to do with each change.
enum class DurabilityPolicy : uint8_t {
  kAlways,       // appendfsync always
  kEverySecond,  // appendfsync everysec
  kNo,           // appendfsync no
  kSnapshots,    // appendonly no: snapshots only
};
inline constexpr std::string_view kDurabilityPolicyNames[] = {"always", "everysec", "no",
                                                              "snapshots"};

struct DurabilityCrash {
  bool power_failure = false;  // otherwise the process alone was killed
  int64_t at_us = 0;           // microseconds, on the clock of the reports
};

enum class DurabilityResult : uint8_t {
  kKept,              // all that was acknowledged, and for snapshots: the last one
  kWithinPromise,     // less, as the policy allows
  kUnavailable,       // it refuses to start, with a reason
  kSilentRefusal,     // it refuses without one
  kLostAcknowledged,  // acknowledged changes, or confirmed ones, are lost
  kBeyondWindow,      // more is lost than everysec allows
  kLostSnapshot,      // an older snapshot than the last finished one
  kNotASnapshot,      // a version, but no snapshot
  kTornTransaction,   // a part of a unit
  kWrongExpiry,       // the values of a version, with other times to live
  kHole,              // no version: something in the middle is missing, or twice, or wrong
  // Not of one recovery, so they are for the world to report:
  kPoisoned,  // it goes on with files from which the next start does not recover the same
  kStuck,     // it goes on, and never accepts or keeps changes again
};
inline constexpr size_t kDurabilityResults = 13;
std::string_view NameOf(DurabilityResult result);
// Unavailable is neither a success nor a broken promise.
constexpr bool IsBroken(DurabilityResult result) {
  return result >= DurabilityResult::kSilentRefusal;
}

// The same in few words, for tables and for those who run the server.
enum class DurabilityOutcome : uint8_t {
  kKept,
  kLostWithinPromise,
  kLost,
  kMixed,  // a state that never was
  kUnavailable,
  kPoisoned,
  kStuck,
};
DurabilityOutcome OutcomeOf(DurabilityResult result);
// The invariant that a broken result breaks: the name by which a failure is filed.
std::string_view InvariantOf(DurabilityResult result);
std::string_view NameOf(DurabilityOutcome outcome);

struct DurabilityVerdict {
  static constexpr uint32_t kNoVersion = UINT32_MAX;

  DurabilityResult result = DurabilityResult::kHole;
  uint32_t recovered = kNoVersion;  // the version that was recovered
  uint32_t required = 0;            // the least one that had to be
  // Files were damaged from outside, so that any state is accepted.
  bool excused = false;
};

struct DurabilityJudgeOptions {
  // everysec: what was acknowledged this long ago is on the disk.
  int64_t window_us = 2'000'000;
  // The longest time between two turns of the server's event loop: a write that has waited for the
  // window is made in the turn that notices it.
  int64_t turn_us = 1'000'000;
};

class DurabilityJudge {
 public:
  explicit DurabilityJudge(const DurabilityJudgeOptions& options = {}) : options_(options) {}

  // A server starts without data: version 0.
  void Reset(DurabilityPolicy policy);
  // A server has started again after a crash with a version that was judged right. `latest`: that
  // state as the latest version.
  void Restart(const DurabilityCrash& crash, uint32_t recovered, uint32_t latest);
  // What a version is, for reports: "SET a 1". Not set: numbers only.
  void set_describe(std::function<std::string(uint32_t)> describe) {
    describe_ = std::move(describe);
  }

  // --- What happens, in this order. Times never decrease.

  // The server has sent the replies of a turn.
  struct Turn {
    uint32_t version = 0;  // at its end
    int64_t now_us = 0;
    DurabilityPolicy policy = DurabilityPolicy::kEverySecond;
    // No fsync at all while a child runs (no-appendfsync-on-rewrite).
    bool held = false;
    // Since when an fsync of the log has been under way, or asked for; -1: none.
    int64_t fsync_since_us = -1;
    // The server reports that it cannot write the log (aof_last_write_status:err).
    bool write_fails = false;
    bool wrote = true;  // the turn has changed something
  };
  void Acknowledge(const Turn& turn);
  // The server has said that a version is durable: WAITAOF, a SHUTDOWN that is done.
  void Confirm(uint32_t version, int64_t now_us, std::string_view what);
  // A snapshot of this version has begun: it may be what is recovered from now on. Once it has
  // ended it is what is recovered, unless a later one has begun.
  void SnapshotBegins(uint32_t version);
  void SnapshotEnds(uint32_t version);
  // A rewrite of the log has begun with this version, and ended.
  void RewriteBegins(uint32_t version);
  void RewriteEnds(int64_t now_us);
  // An fsync of the log has failed, or has reported success without being one: what is not durable
  // yet may never be.
  // `lied`: the second. If it was that of a rewrite, nothing is owed until there is another one:
  // the files before it are removed.
  void FsyncLost(bool lied = false);
  bool in_doubt() const { return lost_fsync_; }
  // Files were damaged by something that is not the server: any state may be recovered.
  void Damaged() { damaged_ = true; }
  bool damaged() const { return damaged_; }

  DurabilityPolicy policy() const { return policy_; }

  // --- What may be recovered.

  // The crash is now. Once for each crash point.
  void At(const DurabilityCrash& crash);
  // The least version that must be recovered; for snapshots: the last finished one.
  uint32_t required() const { return required_.version; }

  // What was recovered is this version. Of several equal ones the best for the server counts: call
  // this for each, from the latest to the first, until it returns true; then Verdict(). Without a
  // call the verdict is kHole.
  struct Match {
    uint32_t version = 0;
    bool times = true;    // the times to live are right, too
    bool inside = false;  // in the midst of a transaction
  };
  void Begin();
  bool Consider(const Match& match);
  DurabilityVerdict Verdict() const;
  // The verdict for a server that does not start. `reason`: its log line.
  DurabilityVerdict Refused(std::string_view reason) const;

  // Both sides in words: "at least version 5 of 6: it was acknowledged at 4.000 s under appendfsync
  // always (power failure at 5.000 s)"; "version 3".
  std::string Expected(const DurabilityVerdict& verdict) const;
  std::string Seen(const DurabilityVerdict& verdict) const;

 private:
  // A version that must be recovered, and why.
  struct Promise {
    uint32_t version = 0;
    int64_t at_us = 0;
    std::string_view why;  // empty: nothing was promised
  };
  struct Acknowledged {
    int64_t at_us;
    uint32_t version;
  };

  static void Raise(Promise* promise, const Promise& to) {
    if (to.version > promise->version) *promise = to;
  }
  // The promises of the log at a crash: with and without what the window of everysec promises.
  struct Required {
    Promise all;
    Promise strict;
  };
  Required RequiredOfLog(const DurabilityCrash& crash) const;
  DurabilityResult ResultOf(const Match& match) const;
  std::string Name(uint32_t version) const;

  DurabilityJudgeOptions options_;
  std::function<std::string(uint32_t)> describe_;

  DurabilityPolicy policy_ = DurabilityPolicy::kSnapshots;
  Promise durable_;            // of the log, whatever happens
  Promise confirmed_;          // the same without the window of everysec
  Promise written_;            // of the log, known to the kernel
  uint32_t acknowledged_ = 0;  // the last one
  int64_t fsync_since_us_ = -1;
  std::vector<Acknowledged> window_;  // under everysec, in order
  bool lost_fsync_ = false;
  bool damaged_ = false;
  uint32_t rewrite_ = 0;
  bool rewriting_ = false;         // one has begun, and not ended well
  bool rewrite_spoiled_ = false;   // an fsync was lost since it began
  bool snapshot_spoiled_ = false;  // the same
  // The snapshots that may be recovered; the first is the last one that has ended.
  std::vector<uint32_t> snapshots_ = {0};
  std::vector<uint32_t> older_snapshots_;

  DurabilityCrash crash_;
  Promise required_;
  Promise strict_;
  DurabilityResult best_ = DurabilityResult::kHole;
  uint32_t recovered_ = DurabilityVerdict::kNoVersion;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_DURABILITY_JUDGE_H_
