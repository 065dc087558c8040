#ifndef RESPROBE_LIVE_TCP_IO_LIVE_WORLD_H_
#define RESPROBE_LIVE_TCP_IO_LIVE_WORLD_H_

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/run_context.h"
#include "live/tcp/io_differences.h"
#include "live/tcp/kernel_sockets.h"
#include "live/tcp/recorded_backpressure.h"
#include "live/tcp/tcp_peer.h"
#include "worlds/io_chaos/io_chaos_harness.h"

namespace resprobe::live {

// Runs the cases of IoChaosWorld in memory, then again over real TCP: every result of a client's
// call, every callback and every violation must be the same, in the same order. The world with its
// clock, its toxics and its peer's replies is identical in both runs; only the layer between the
// two ends (SocketApi) differs. So this compares the simulation's sockets with the kernel's.
//
// Its trace has: "io client NAME" and, if the case names another client, "io instead-of NAME"; "saw
// LINE" for each line of the trace over TCP; "io equal", "io explained NAME", "io differs", "io
// not-run REASON"; and "io left-out TOXIC COUNT" for omitted steps.
class IoLiveWorld {
 public:
  // This harness is a variant of that one: cases of each run in the other.
  static constexpr std::string_view kName = IoChaosWorld::kName;
  static constexpr std::string_view kSummary =
      "the simulation and the kernel's TCP side by side: a client sees the same of both";
  static constexpr auto kInvariants = [] {
    std::array<InvariantInfo, std::size(IoChaosWorld::kInvariants) + 1> all;
    all[0] = {"same_as_memory", "over real TCP a client sees what it sees in memory"};
    for (size_t i = 1; i < all.size(); ++i) all[i] = IoChaosWorld::kInvariants[i - 1];
    return all;
  }();
  using Cases = IoChaosWorld;
  using Config = IoChaosWorld::Config;
  using Op = IoChaosWorld::Op;

  enum class Peer : uint8_t {
    kMemory,  // without the kernel: in memory twice
    kTcp,     // both ends of the connections are in this process
    kForked,  // the peer's ends are in a separate process
  };
  struct Options {
    Peer peer = Peer::kForked;
    std::optional<ClientKind> client = {};  // replaces the case's client
    // Wraps the kernel's sockets, for tests.
    std::function<std::unique_ptr<SocketApi>(SocketApi*)> decorate = {};
  };
  // Reads RESPROBE_IO_PEER (memory, tcp, forked) and RESPROBE_IO_CLIENT (as in the config). An
  // invalid value ends the process with a message and exit code 2.
  static Options FromEnvironment();

  IoLiveWorld(std::vector<IoChaosWorld::Subject> subjects, Options options);

  void Start(const Config& config, RunContext& run);
  template <class T>
  void Apply(const T& op, RunContext&) {
    ops_.push_back(op);
  }
  void Settle(RunContext& run);

 private:
  void Open();
  void LeaveOut(RunContext& run);
  // Runs the whole case; its trace is compared.
  void RunOn(SocketApi* wire, RunContext& run);

  Options options_;
  IoChaosWorld world_;
  Config config_;
  std::vector<Op> ops_;
  std::unique_ptr<TcpPeer> peer_;
  std::unique_ptr<KernelSockets> kernel_;
  std::unique_ptr<SocketApi> decorated_;
  pid_t owner_ = 0;  // the process that has the connections: a forked child opens its own
  RecordedBackpressure told_;
  RunContext in_memory_{Trace::Mode::kText};
  RunContext over_tcp_{Trace::Mode::kText};
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_TCP_IO_LIVE_WORLD_H_
