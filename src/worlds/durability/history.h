#ifndef RESPROBE_WORLDS_DURABILITY_HISTORY_H_
#define RESPROBE_WORLDS_DURABILITY_HISTORY_H_

// What a server has done and promised until it crashes, as far as it matters for what must be
// recovered. It knows nothing of any server: a world fills it from the core and a simulated disk, a
// live test from the replies and the recorded system calls of a real server.
//
// An effect is one change of the data, in the order in which the server logs it. Effects are
// numbered from 0; "the first n effects" is a prefix. All times are in microseconds of the run.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace resprobe {

// What the server is configured to do with each effect.
enum class DurabilityPolicy : uint8_t {
  kAlways,       // appendfsync always
  kEverySecond,  // appendfsync everysec
  kNo,           // appendfsync no
  kSnapshots,    // appendonly no: snapshots only
};
inline constexpr std::string_view kDurabilityPolicyNames[] = {"always", "everysec", "no",
                                                              "snapshots"};

class DurabilityHistory {
 public:
  static constexpr int64_t kNotYet = INT64_MAX;

  struct Effect {
    int64_t logged_us = 0;
    int64_t acknowledged_us = kNotYet;  // when the reply left the server
    DurabilityPolicy policy{};          // in force at that time
    // The last effect of its transaction, script or command: a prefix may end here.
    bool ends_unit = true;
  };
  struct PolicyChange {
    int64_t at_us = 0;
    DurabilityPolicy policy{};
  };
  // The server has said that the first `effects` are durable.
  struct Receipt {
    size_t effects = 0;
    int64_t at_us = 0;
    std::string_view what;  // "WAITAOF", "a rewrite"
  };
  struct Snapshot {
    size_t effects = 0;
    int64_t started_us = 0;
    int64_t finished_us = kNotYet;
    bool failed = false;
  };
  struct Sync {
    int64_t started_us = 0;
    int64_t ended_us = kNotYet;
    bool failed = false;
  };
  // A process has started with the first `effects`.
  struct Life {
    int64_t started_us = 0;
    size_t effects = 0;
    int64_t ended_us = kNotYet;
  };
  // The environment has destroyed what the server rightly believed to be durable.
  struct Excuse {
    size_t effects = 0;  // those from here on may be lost
    int64_t at_us = 0;
    std::string_view why;
    bool damage = false;  // any state may be recovered
  };

  // The first process starts without data (or with data that is no part of the history: "the first
  // 0 effects").
  void Reset(int64_t now_us, DurabilityPolicy policy);

  // --- While the server runs. Times never decrease.

  // `ends_unit` false: the next effect belongs to the same transaction, script or command.
  void Logged(int64_t now_us, bool ends_unit = true);
  // The reply to the command of this effect (and its unit) has left the server.
  void Acknowledged(size_t effect, int64_t now_us);
  // All effects so far are acknowledged.
  void AcknowledgedAll(int64_t now_us);
  // The policy is in force from now on. If the log is turned on, it counts from the end of the
  // rewrite that makes it: report the change, and a Receipted(), then.
  void PolicyChanged(int64_t now_us, DurabilityPolicy policy);
  // WAITAOF has succeeded, a rewrite or a SHUTDOWN is done.
  void Receipted(int64_t now_us, size_t effects, std::string_view what);
  // A snapshot of the effects so far begins; it is finished once the server has said so.
  void SnapshotStarted(int64_t now_us);
  void SnapshotFinished(int64_t now_us);
  void SnapshotFailed();
  // The fsync of the log under everysec, as far as it is known: without it, the promise is held as
  // if each fsync took no time.
  void SyncStarted(int64_t now_us);
  void SyncEnded(int64_t now_us, bool failed);
  // A fault for which the server is not to blame: an fsync has reported success, but the effects
  // from this one on are not on the disk.
  void Excused(int64_t now_us, size_t effects, std::string_view why);
  // The same, and what is on the disk is wrong (a flipped bit): any state may be recovered.
  void Damaged(int64_t now_us, std::string_view why);

  // --- After a crash.

  // The server has started again, with the first `effects` of the history; the others never
  // happened. It has the policy that it had before.
  void Recovered(int64_t crashed_us, int64_t started_us, size_t effects);

  const std::vector<Effect>& effects() const { return effects_; }
  const std::vector<PolicyChange>& policies() const { return policies_; }
  const std::vector<Receipt>& receipts() const { return receipts_; }
  const std::vector<Snapshot>& snapshots() const { return snapshots_; }
  const std::vector<Sync>& syncs() const { return syncs_; }
  const std::vector<Life>& lives() const { return lives_; }
  const std::vector<Excuse>& excuses() const { return excuses_; }
  DurabilityPolicy policy() const { return policies_.back().policy; }
  // Grows when effects are taken back: digests of prefixes that are longer than `unchanged()` are
  // no longer valid.
  uint64_t generation() const { return generation_; }
  size_t unchanged() const { return unchanged_; }

 private:
  std::vector<Effect> effects_;
  std::vector<PolicyChange> policies_;
  std::vector<Receipt> receipts_;
  std::vector<Snapshot> snapshots_;
  std::vector<Sync> syncs_;
  std::vector<Life> lives_;
  std::vector<Excuse> excuses_;
  size_t acknowledged_to_ = 0;  // AcknowledgedAll() has seen the effects before
  uint64_t generation_ = 0;
  size_t unchanged_ = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_DURABILITY_HISTORY_H_
