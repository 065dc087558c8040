#ifndef RESPROBE_LIVE_DURABILITY_UNSYNCED_H_
#define RESPROBE_LIVE_DURABILITY_UNSYNCED_H_

#include <cstdint>

#include "sim/disk/crash_states.h"
#include "sim/disk/disk.h"

namespace resprobe::live {

// What a power failure at `reordered` or `weak` may take although an fsync has been made, since no
// server syncs it in time (docs/durability.md).
struct Unsynced {
  bool any = false;          // anything
  bool directory = false;    // the name of the log's directory; after See(): it is lost
  bool old_names = false;    // names in it that an earlier process has made
  bool closed_file = false;  // data of a file of the log after which there is another one

  // What is pending on a disk at a crash of this kind. `began`: the disk's sync_point() when its
  // process started.
  static Unsynced On(const Disk& disk, CrashKind kind, uint64_t began);

  // The crash has left this.
  void See(const Disk& left);
  // Another crash came before anything was recovered.
  void Add(const Unsynced& more);
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_DURABILITY_UNSYNCED_H_
