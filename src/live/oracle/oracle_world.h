#ifndef RESPROBE_LIVE_ORACLE_ORACLE_WORLD_H_
#define RESPROBE_LIVE_ORACLE_ORACLE_WORLD_H_

#include <sys/types.h>

#include <memory>
#include <string_view>

#include "engine/run_context.h"
#include "live/oracle/oracle.h"
#include "live/server/live_server.h"
#include "worlds/command/command_harness.h"

namespace resprobe::live {

// The cases of CommandWorld on the core and on a live server side by side, for an engine. It is
// guided by the core's coverage and by which kinds of replies both have given to which command
// (kShapes counters, which libFuzzer treats as additional edges).
//
// The server is a private one, started at the first run by the command in RESPROBE_ORACLE_START,
// which may contain options, else redis-server. If it cannot be started or compared with, the
// process prints one line and exits with 2.
class OracleWorld {
 public:
  // The harness is a variant of CommandWorld's: the cases of each run in the other.
  static constexpr std::string_view kName = CommandWorld::kName;
  static constexpr std::string_view kSummary =
      "the core and a live server side by side: the same replies, the same state";
  static constexpr InvariantInfo kInvariants[] = {
      {"same_reply", "the live server's replies are the core's, where it has no choice"},
      {"same_push", "messages and invalidations are the core's"},
      {"same_state", "the keys, types, values and expiries that a case leaves are the core's"},
      {"server_alive", "the live server neither ends nor hangs"},
  };
  using Cases = CommandWorld;
  using Config = CommandWorld::Config;
  using Op = CommandWorld::Op;

  OracleWorld() = default;
  OracleWorld(const OracleWorld&) = delete;
  OracleWorld& operator=(const OracleWorld&) = delete;

  void Start(const Config& config, RunContext& run);
  template <class T>
  void Apply(const T& op, RunContext& run) {
    oracle_->Step(op);
    Report(run);
  }
  void Settle(RunContext& run);

 private:
  void Open();
  void Report(RunContext& run);

  std::unique_ptr<LiveServer> target_;
  std::unique_ptr<Oracle> oracle_;
  pid_t owner_ = 0;  // the process that owns the connections: a forked child opens its own
  bool prepared_ = false;
  bool finished_ = false;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ORACLE_ORACLE_WORLD_H_
