#ifndef RESPROBE_WORLDS_IO_CHAOS_ACTIVE_TOXICS_H_
#define RESPROBE_WORLDS_IO_CHAOS_ACTIVE_TOXICS_H_

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "sim/toxic.h"
#include "worlds/io_chaos/io_run.h"
#include "worlds/io_chaos/known_fault_guard.h"

namespace resprobe {

// The toxics that are on (sim/toxic.h). It hands those of the client's calls and memory to the
// system, applies those of connecting itself, and lists the others for the streams and the peers.
class ActiveToxics {
 public:
  // How a connection attempt ends.
  struct Outcome {
    int64_t late_us = 0;
    bool accepts = true;
  };

  ActiveToxics(IoRun* run, const KnownFaultGuard* guard) : run_(run), guard_(guard) {}

  void Reset();

  // Switches a toxic on, with its attributes limited so that a run ends, unless a known fault has
  // to be avoided. At most one of a kind and a direction is on, and a few in all: the last ones.
  // True if list() has changed.
  bool Add(ToxicKind kind, ToxicDirection direction,
           std::array<int64_t, kToxicAttributes> attributes);
  // Switches all off.
  void Clear();

  // Those of streams and replies.
  std::span<const Toxic> list() const { return list_; }
  // The outcome of a connection attempt that begins now.
  Outcome Connecting();
  // An allocation of the client may have failed in this run: it need not keep all of its contract.
  bool evil_memory() const { return evil_memory_; }

 private:
  IoRun* const run_;
  const KnownFaultGuard* const guard_;
  std::vector<Toxic> list_;
  int refuse_ = 0;  // connections to refuse; -1: all
  int64_t late_us_ = 0;
  bool evil_memory_ = false;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_ACTIVE_TOXICS_H_
