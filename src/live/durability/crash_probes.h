#ifndef RESPROBE_LIVE_DURABILITY_CRASH_PROBES_H_
#define RESPROBE_LIVE_DURABILITY_CRASH_PROBES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/server/server.h"
#include "live/durability/durable_server.h"
#include "live/durability/recovery_ruling.h"
#include "sim/disk/crash_states.h"
#include "sim/disk/disk.h"
#include "worlds/durability/crash_points.h"
#include "worlds/durability/durability_counts.h"
#include "worlds/durability/judge.h"

namespace resprobe::live {

// At a call to the disk that a server makes, a second server starts on what a crash would leave,
// and what it recovers is ruled on. The first server goes on undisturbed. One probe in some goes on
// as well: the second server writes, rewrites, is killed, and starts again.
class CrashProbes {
 public:
  struct Options {
    // Whether to probe at this call. Asked of calls while a process loads, too, which are not
    // probed.
    std::function<bool(const DiskCall& call, SandboxRole role)> wants;
    bool kill = true;
    bool power = true;
    uint64_t states = 4;              // the most that power failures at one call may leave
    uint64_t second_life_one_in = 4;  // probes
  };
  // What happens at the moment of a probe.
  struct Moment {
    const Disk* disk = nullptr;
    const DiskCall* call = nullptr;     // begun, without effect yet
    std::vector<std::string> settings;  // for the second server
    int64_t now_ms = 0;
    int64_t call_us = 0;       // Sandbox::call_us()
    uint64_t began = 0;        // sync_point() of the disk when its process started
    bool disk_faults = false;  // some were injected, so that a refusal to start has a reason
    size_t op = 0;             // the op that runs
    uint64_t calls_of_op = 0;  // this one included
  };

  // None is owned. `config`: of a core server that takes what the second server has recovered.
  CrashProbes(PreparedServers* prepared, const ServerConfig& config, RecoveryRuling* ruling,
              const DurabilityJudge* judge, DurabilityCounts* counts);

  void set_options(Options options) { options_ = std::move(options); }
  // A new run.
  void Start();

  bool wants(const DiskCall& call, SandboxRole role) const {
    return options_.wants != nullptr && options_.wants(call, role);
  }
  // True if a crash would find what none has found at the last probe.
  bool IsNew(const Disk& disk, uint32_t version);
  void Probe(const Moment& moment);

  // The first probe that was ruled wrong.
  const std::optional<CrashFailure>& failure() const { return failure_; }
  // It recovered what it should, and failed in the life after that.
  bool second_life_failed() const { return second_life_failed_; }
  // One line, if the sandbox cannot run the second server, or the core cannot take its values; else
  // empty.
  const std::string& unsupported() const { return unsupported_; }

 private:
  void Recover(const Moment& moment, CrashKind kind);
  // What was recovered is written to, rewritten, and loaded again.
  void LiveOn(const Moment& moment);
  void Fail(const Moment& moment, CrashKind kind, Violation violation);

  DurableServer server_;
  Server core_;
  RecoveryRuling* const ruling_;
  const DurabilityJudge* const judge_;
  DurabilityCounts* const counts_;
  Options options_;
  CrashStates states_;
  Disk disk_;
  std::vector<DumpedKey> keys_;
  uint64_t seen_disk_ = 0;
  uint32_t seen_version_ = 0;
  std::optional<CrashFailure> failure_;
  bool second_life_failed_ = false;
  std::string unsupported_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_DURABILITY_CRASH_PROBES_H_
