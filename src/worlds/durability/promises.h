#ifndef RESPROBE_WORLDS_DURABILITY_PROMISES_H_
#define RESPROBE_WORLDS_DURABILITY_PROMISES_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/persistence/settings.h"
#include "sim/node_disk.h"

namespace resprobe {

// The judge of recovered states: what a server owes its clients after a crash, by its policy (redis
// documentation, "Redis persistence"; redis 7.0 aof.c). It knows versions (state_history.h), times
// and policies, but no server. A world reports what has happened, and asks what may be recovered.
//
//                  after kill -9                           after a power failure
//   always         all that was acknowledged               the same
//   everysec       the same, except what waited for a      what was acknowledged 2 s before; more
//   is
//                  slow fsync, for 2 s at most             lost while an fsync hangs
//   no             all that was acknowledged               any tail of the log
//   snapshots only exactly the last one that has finished  the same
//
// A version that was never acknowledged may be recovered. The write whose failure the server
// notices is acknowledged except under always, and not owed; the next ones are refused. After an
// fsync that failed, or that lied, nothing newer than what was durable before it is owed, until the
// log is rewritten.
class Promises {
 public:
  // Of the server's documentation: how much everysec loses, in milliseconds.
  static constexpr int64_t kWindowMs = 2000;
  // The longest time between two turns of a server, in milliseconds.
  static constexpr int64_t kTurnMs = 1000;

  // What is recovered at a start.
  enum class Store : uint8_t { kSnapshot, kLog };

  // A server starts on an empty disk.
  void Reset(Store store);
  // A server has started again after a crash, and has recovered a version that is allowed: a state
  // that is now the latest version.
  void Restart(CrashKind kind, int64_t now_ms, uint32_t recovered, uint32_t latest);

  // --- What has happened.

  // The server has sent the replies of a turn.
  struct Turn {
    uint32_t version = 0;
    int64_t now_ms = 0;
    Store store = Store::kLog;
    AppendFsync fsync = AppendFsync::kEverySecond;
    // No fsync at all while a child runs (no-appendfsync-on-rewrite).
    bool held = false;
    // Since when an fsync of the log has been under way, or asked for; -1: none.
    int64_t fsync_since_ms = -1;
    // The server reports that it cannot write the log (aof_last_write_status:err).
    bool write_fails = false;
    bool wrote = false;  // the turn has changed something
  };
  void Acknowledge(const Turn& turn);
  // A snapshot of this version has begun: it may be what is recovered from now on. Once it has
  // ended it is what is recovered, unless a later one has begun.
  void SnapshotBegins(uint32_t version);
  void SnapshotEnds(uint32_t version);
  // A rewrite of the log has begun with this version, and ended.
  void RewriteBegins(uint32_t version);
  void RewriteEnds();
  // An fsync of the log has failed, or has reported success without being one: what is not durable
  // yet may never be.
  void FsyncLost();
  // Files were damaged: nothing is owed.
  void Damaged() { damaged_ = true; }
  bool damaged() const { return damaged_; }

  // --- What may be recovered.

  Store store() const { return store_; }
  // The least version of the log that a crash of this kind must leave.
  uint32_t Least(CrashKind kind, int64_t now_ms) const;
  // Why: "acknowledged under appendfsync always", …
  std::string_view Reason(CrashKind kind) const;
  // True if the version may be recovered.
  bool Allows(uint32_t version, CrashKind kind, int64_t now_ms) const;

 private:
  struct Acknowledged {
    int64_t at_ms;
    uint32_t version;
  };

  Store store_ = Store::kSnapshot;
  uint32_t durable_ = 0;  // of the log, whatever happens
  uint32_t written_ = 0;  // of the log, known to the kernel
  int64_t fsync_since_ms_ = -1;
  std::vector<Acknowledged> window_;  // under everysec, in order
  bool lost_fsync_ = false;
  bool damaged_ = false;
  uint32_t rewrite_ = 0;
  bool rewrite_spoiled_ = false;   // an fsync was lost since it began
  bool snapshot_spoiled_ = false;  // the same
  // The snapshots that may be recovered; the first is the last one that has ended.
  std::vector<uint32_t> snapshots_;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_DURABILITY_PROMISES_H_
