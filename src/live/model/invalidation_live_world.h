#ifndef RESPROBE_LIVE_MODEL_INVALIDATION_LIVE_WORLD_H_
#define RESPROBE_LIVE_MODEL_INVALIDATION_LIVE_WORLD_H_

#include <sys/types.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include "engine/run_context.h"
#include "live/model/paired_server.h"
#include "worlds/invalidation/invalidation_harness.h"

namespace resprobe::live {

// The cases of InvalidationWorld over a live server's sockets: the clients are the same, the links
// hold what was read from the sockets and deliver it as the tape says, and the core runs beside the
// server as the core with which every reply and push is compared.
class InvalidationLiveWorld {
 public:
  // The harness is a variant of InvalidationWorld's: the cases of each run in the other.
  static constexpr std::string_view kName = InvalidationWorld::kName;
  static constexpr std::string_view kSummary =
      "caching clients on a live server, with the core beside it: the same replies and "
      "invalidations in the same order";
  static constexpr std::array kOwnInvariants = {
      InvariantInfo{"same_reply", "the live server's replies are the core's"},
      InvariantInfo{"same_push",
                    "each connection is sent the core's invalidations, in its order, and no other"},
      InvariantInfo{"same_state",
                    "the live server tracks as many keys, clients and prefixes as the core"},
      InvariantInfo{"server_alive", "the live server neither ends nor hangs"},
  };
  static constexpr auto kInvariants = [] {
    std::array<InvariantInfo, kOwnInvariants.size() + std::size(InvalidationWorld::kInvariants)>
        all;
    std::ranges::copy(InvalidationWorld::kInvariants,
                      std::ranges::copy(kOwnInvariants, all.begin()).out);
    return all;
  }();
  using Cases = InvalidationWorld;
  using Config = InvalidationWorld::Config;
  using Op = InvalidationWorld::Op;

  // For an engine: a private server, started at the first run by the command in
  // RESPROBE_ORACLE_START, which may contain options, else redis-server. If it cannot be started or
  // compared with, the process prints one line and exits with 2.
  InvalidationLiveWorld();
  // Uses a server that outlives the world.
  explicit InvalidationLiveWorld(PairedServer* server);
  ~InvalidationLiveWorld();
  InvalidationLiveWorld(const InvalidationLiveWorld&) = delete;
  InvalidationLiveWorld& operator=(const InvalidationLiveWorld&) = delete;

  void Start(const Config& config, RunContext& run);
  template <class T>
  void Apply(const T& op, RunContext& run) {
    world_->Apply(op, run);
    Report(run);
  }
  void Settle(RunContext& run);

 private:
  void Open();
  void Report(RunContext& run);

  std::unique_ptr<PairedServer> own_;
  PairedServer* server_ = nullptr;
  std::unique_ptr<InvalidationWorld> world_;
  pid_t owner_ = 0;  // the process that owns the connections: a forked child opens its own
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_MODEL_INVALIDATION_LIVE_WORLD_H_
