#include "worlds/durability/promises.h"

#include <algorithm>

namespace resprobe {

void Promises::Reset(Store store) {
  store_ = store;
  durable_ = written_ = rewrite_ = 0;
  fsync_since_ms_ = -1;
  window_.clear();
  lost_fsync_ = damaged_ = false;
  rewrite_spoiled_ = snapshot_spoiled_ = false;
  snapshots_.assign(1, 0);
}

void Promises::Restart(CrashKind kind, int64_t now_ms, uint32_t recovered, uint32_t latest) {
  if (store_ == Store::kSnapshot) {
    // After a kill the name of a new file may not be durable yet.
    if (kind == CrashKind::kMachine) snapshots_.assign(1, recovered);
  } else {
    // A kill leaves in the page cache what was not durable; the new process does not sync it before
    // its next write.
    durable_ = kind == CrashKind::kMachine ? latest : Least(CrashKind::kMachine, now_ms);
    written_ = latest;
  }
  if (kind == CrashKind::kMachine) lost_fsync_ = damaged_ = false;
  fsync_since_ms_ = -1;
  window_.clear();
}

void Promises::Acknowledge(const Turn& turn) {
  store_ = turn.store;
  fsync_since_ms_ = turn.fsync_since_ms;
  if (turn.store != Store::kLog) return;
  if (turn.fsync == AppendFsync::kAlways && turn.wrote && !turn.held) {
    if (!lost_fsync_) durable_ = turn.version;
    written_ = turn.version;
    window_.clear();
    return;
  }
  // While an fsync is under way a write waits for it, for 2 s at most.
  if (turn.fsync_since_ms < 0 && !turn.write_fails) written_ = turn.version;
  if (turn.fsync != AppendFsync::kEverySecond || turn.held || turn.write_fails) {
    // What has not been owed for its age yet waits for the operating system, or for the disk.
    durable_ = Least(CrashKind::kMachine, turn.now_ms);
    window_.clear();
    return;
  }
  if (turn.wrote) window_.push_back({turn.now_ms, turn.version});
}

void Promises::SnapshotBegins(uint32_t version) {
  snapshot_spoiled_ = false;
  snapshots_.push_back(version);
}

void Promises::SnapshotEnds(uint32_t version) {
  if (!snapshot_spoiled_) snapshots_.assign(1, version);
}

void Promises::RewriteBegins(uint32_t version) {
  rewrite_spoiled_ = false;
  rewrite_ = version;
}

void Promises::RewriteEnds() {
  if (!rewrite_spoiled_) {
    lost_fsync_ = false;
    durable_ = std::max(durable_, rewrite_);
  }
  written_ = std::max(written_, rewrite_);
}

void Promises::FsyncLost() {
  lost_fsync_ = rewrite_spoiled_ = snapshot_spoiled_ = true;
  window_.clear();
}

uint32_t Promises::Least(CrashKind kind, int64_t now_ms) const {
  if (damaged_) return 0;
  uint32_t least = durable_;
  if (kind == CrashKind::kProcess) least = std::max(least, written_);
  if (lost_fsync_ && kind == CrashKind::kMachine) return least;
  // What an fsync covers that hangs, and what waits for it, is not owed yet. A write that has
  // waited for long is made in the turn that notices it.
  const bool killed = kind == CrashKind::kProcess;
  const int64_t until =
      !killed && fsync_since_ms_ >= 0 ? std::min(now_ms, fsync_since_ms_) : now_ms;
  const int64_t window = kWindowMs + (killed ? kTurnMs : 0);
  for (const Acknowledged& each : window_) {
    if (each.at_ms + window <= until) least = std::max(least, each.version);
  }
  return least;
}

std::string_view Promises::Reason(CrashKind kind) const {
  return kind == CrashKind::kProcess ? "acknowledged before a kill"
                                     : "acknowledged, and durable by the server's policy";
}

bool Promises::Allows(uint32_t version, CrashKind kind, int64_t now_ms) const {
  if (damaged_) return true;
  if (store_ == Store::kSnapshot) return std::ranges::find(snapshots_, version) != snapshots_.end();
  return version >= Least(kind, now_ms);
}

}  // namespace resprobe
