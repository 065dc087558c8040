#ifndef RESPROBE_LIVE_DURABILITY_DURABILITY_LIVE_WORLD_H_
#define RESPROBE_LIVE_DURABILITY_DURABILITY_LIVE_WORLD_H_

#include <sys/types.h>

#include <memory>
#include <span>
#include <string_view>

#include "engine/run_context.h"
#include "live/durability/live_durability.h"
#include "worlds/durability/durability_harness.h"

namespace resprobe::live {

// LiveDurability for an engine. It is guided by the core's coverage, and by what the server does
// with its disk: which call follows which, and how the calls end (kShapes counters, which libFuzzer
// treats as additional edges).
//
// The server is started in a sandbox by the command in RESPROBE_ORACLE_START, which may contain
// options, else redis-server. If it cannot run there, the process prints one line and exits with 2.
class DurabilityLiveWorld {
 public:
  // The harness is a variant of DurabilityWorld's: the cases of each run in the other.
  static constexpr std::string_view kName = DurabilityWorld::kName;
  static constexpr std::string_view kSummary =
      "a live server on a simulated disk: what is left after kill -9 and power failures";
  static constexpr std::span<const InvariantInfo> kInvariants = DurabilityWorld::kInvariants;
  using Cases = DurabilityWorld;
  using Config = DurabilityWorld::Config;
  using Op = DurabilityWorld::Op;

  DurabilityLiveWorld() = default;
  ~DurabilityLiveWorld() { LeaveToParent(); }
  DurabilityLiveWorld(const DurabilityLiveWorld&) = delete;
  DurabilityLiveWorld& operator=(const DurabilityLiveWorld&) = delete;

  void Start(const Config& config, RunContext& run);
  template <class T>
  void Apply(const T& op, RunContext& run) {
    world_->Apply(op, run);
    CheckSupport();
  }
  void Settle(RunContext& run);

 private:
  void Open();
  void CheckSupport();
  // In a forked child: the servers are those of its parent.
  void LeaveToParent();

  std::unique_ptr<PreparedServers> prepared_;
  std::unique_ptr<LiveDurability> world_;
  pid_t owner_ = 0;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_DURABILITY_DURABILITY_LIVE_WORLD_H_
