#ifndef RESPROBE_LIVE_DURABILITY_LIVE_DURABILITY_H_
#define RESPROBE_LIVE_DURABILITY_LIVE_DURABILITY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/server/server.h"
#include "engine/run_context.h"
#include "live/durability/crash_probes.h"
#include "live/durability/durable_server.h"
#include "live/durability/recovery_ruling.h"
#include "live/durability/unsynced.h"
#include "sim/disk/crash_states.h"
#include "sim/disk/disk.h"
#include "sim/disk/disk_files.h"
#include "worlds/durability/crash_choices.h"
#include "worlds/durability/crash_points.h"
#include "worlds/durability/durability_counts.h"
#include "worlds/durability/durability_world.h"
#include "worlds/durability/judge.h"
#include "worlds/durability/state_history.h"

namespace resprobe::live {

// Model: the cases of DurabilityWorld, on a real server in a sandbox instead of the core. The core
// runs beside it, and says which states there have been; it has no disk that fails. Children and
// threads of the server work when it waits for them, so the ops `child` and `thread` do nothing.
//
// Faults and promise: those of DurabilityWorld, and its judge.
class LiveDurability : private DiskObserver {
 public:
  using World = DurabilityWorld;

  // `prepared` is not owned. `profile`: the one that the server follows.
  LiveDurability(PreparedServers* prepared, Profile profile);
  ~LiveDurability() override;

  void Start(const World::Config& config, RunContext& run);
  void Apply(const World::Call& op, RunContext& run);
  void Apply(const World::Advance& op, RunContext& run);
  void Apply(const World::Child&, RunContext&) {}
  void Apply(const World::Thread&, RunContext&) {}
  void Apply(const World::Save& op, RunContext& run);
  void Apply(const World::Policy& op, RunContext& run);
  void Apply(const World::Fault& op, RunContext& run);
  void Apply(const World::Heal& op, RunContext& run);
  void Apply(const World::Kill& op, RunContext& run);
  void Apply(const World::PowerLoss& op, RunContext& run);
  void Apply(const World::CrashInWrite& op, RunContext& run);
  void Apply(const World::Drop& op, RunContext& run);
  void Apply(const World::Memory& op, RunContext& run);
  void Settle(RunContext& run);

  // Runs a case; false if it fails (run.violation()), or if it cannot run (unsupported()).
  bool Run(const World::Config& config, const std::vector<World::Op>& ops, RunContext& run);
  // One line, if the sandbox cannot run the server, or the core cannot follow it; else empty.
  const std::string& unsupported() const { return unsupported_; }

  // Not while a process loads.
  void set_probes(CrashProbes::Options options) { probes_.set_options(std::move(options)); }
  // Told of each call to the disk that the server makes: a number for its kind and its file, and
  // whether it failed.
  void set_on_call(std::function<void(uint32_t place, bool failed)> on_call) {
    on_call_ = std::move(on_call);
  }
  // A process is loading its files.
  bool booting() const { return booting_; }
  static constexpr size_t kNoOp = SIZE_MAX;  // before the first one
  // The op that runs (at the end: the number of ops), and how many calls to the disk it has made,
  // that of the moment included.
  size_t op() const { return op_; }
  uint64_t calls_of_op() const {
    return (booting_ ? server_.disk() : disk()).io_count() - op_began_;
  }
  const CrashProbes& probes() const { return probes_; }
  // How the last crash of a run comes, after the disk has healed; at first: a power failure.
  void set_ends_with(CrashKind kind) { ends_with_ = kind; }

  // What has happened since Start().
  const DurabilityCounts& counts() const { return counts_; }

 private:
  static constexpr size_t kClients = DurableServer::kClients;

  // The settings that a run changes.
  struct Settings {
    bool appendonly = false;
    std::string_view appendfsync = "everysec";
    bool hold = false;
    std::string_view save;
    bool rdb_base = true;
    bool timestamps = false;
    std::vector<std::string> Words() const;
  };
  struct ModelLog : PersistenceLog {
    void Line(std::string_view) override {}
  };

  void OnCall(const Disk& disk, const DiskCall& call) override;
  void OnResult(const Disk& disk, const DiskCall& call) override;

  bool Stopped(RunContext& run) const { return run.violated() || !unsupported_.empty(); }
  void ResetModel();
  void ConnectModel();
  void ResetDisk();
  // The first process of a disk starts with the first op that needs one, so that faults and a crash
  // at its start can come before. False if the run has ended.
  bool EnsureStarted(RunContext& run);
  void ForgetHistory();
  void StartOver(RunContext& run);
  // That of the server, or the empty one on which it will start.
  Disk& disk() { return started_ ? server_.disk() : empty_disk_; }
  const Disk& disk() const { return started_ ? server_.disk() : empty_disk_; }
  bool FaultsActed() const;
  // A client's connection is a new one, in the core and, when it is needed, in the server.
  void Reconnect(size_t client);
  // How many keys the process has evicted.
  uint64_t Evicted();
  // Memory is enough again; if keys were evicted, the core's keyspace becomes the server's.
  void EndPressure(RunContext& run);
  bool Boot(const Disk& disk, int64_t at_us);
  // The clocks of both stand at the beginning of the same millisecond.
  void Align();
  // Sends a client's request to the core, and then to the server; returns its reply, or "no reply".
  std::string Send(size_t client, std::span<const std::string_view> words, RunContext& run);
  // Sends a request to the server, and looks at what has come of it. Nothing: no reply.
  // `memory`: if it answers OK, this is what it does from now on.
  std::optional<std::string> Ask(std::initializer_list<std::string_view> words, RunContext& run,
                                 std::optional<MemoryPolicy> memory = std::nullopt);
  void EndTurn(bool wrote, RunContext& run);
  void NoteSaves();
  void NoteFaults();
  void Probe(const Disk& disk, const DiskCall& call);
  struct Crashed {
    CrashKind kind;
    int64_t at_ms;
    Unsynced unsynced = {};
  };
  void Pass(int64_t ms, RunContext& run);
  void Arm(CrashKind kind, size_t after, std::span<const std::string_view> choices,
           RunContext& run);
  void Crash(CrashKind kind, RunContext& run);
  // The next process starts, after a crash or on an empty disk.
  void Recover(std::optional<Crashed> crash, RunContext& run);
  void Refused(std::optional<CrashKind> kind, RunContext& run);
  void Judge(CrashKind kind, int64_t crashed_ms, const Unsynced& unsynced, RunContext& run);
  // The core's keyspace becomes the server's. False if it cannot be read, or the core cannot hold
  // it.
  bool Adopt(RunContext& run);
  // Reads the server's keys into the spare core.
  bool ReadInto(Server* server, RunContext& run);
  DurabilityPolicy policy() const;
  bool Number(std::string_view field) const { return server_.Info(field) == "1"; }

  DurableServer server_;
  const Profile profile_;
  World::Config config_;
  Settings settings_;

  std::unique_ptr<Server> model_;
  std::unique_ptr<Server> spare_;
  Disk model_disk_;
  DiskFiles model_files_{&model_disk_};
  ModelLog model_log_;
  std::array<uint64_t, kClients> model_clients_{};
  StateHistory history_;
  DurabilityJudge judge_;
  DurabilityCounts counts_;
  RecoveryRuling ruling_{&history_, &judge_, &counts_};
  CrashProbes probes_;
  std::vector<DumpedKey> keys_;

  CrashChoices choices_;  // of the crash that is armed
  std::optional<CrashKind> armed_;
  bool in_write_ = false;  // the crash that is armed comes in a write
  MemoryPolicy memory_ = MemoryPolicy::kEnough;
  uint64_t evicted_ = 0;  // by this process, as far as is known
  struct StartCrash {
    CrashKind kind;
    uint64_t after;
    std::span<const std::string_view> choices;
  };
  std::optional<StartCrash> start_crash_;
  bool faults_ = false;
  bool reverts_ = false;
  bool shuts_down_ = false;
  bool waits_for_rewrite_ = false;  // the log was turned on, and its first rewrite is not done
  bool saves_itself_ = false;       // SAVE is being run
  bool saving_ = false;
  bool rewriting_ = false;
  bool has_new_base_ = false;  // of the last rewrite
  uint32_t child_version_ = 0;
  std::string saves_;
  std::string rewrites_;
  int64_t fsync_since_us_ = -1;
  uint32_t version_ = 0;
  DiskFaultCounts counted_;
  std::function<void(uint32_t, bool)> on_call_;
  CrashKind ends_with_ = CrashKind::kMachine;
  Disk empty_disk_;
  bool started_ = false;  // a process has started on the disk
  bool booting_ = false;
  uint64_t life_ = 0;   // the number of the server's process
  uint64_t began_ = 0;  // its disk's sync_point() when it started
  size_t op_ = 0;
  uint64_t op_began_ = 0;  // io_count() of the disk
  Trace* trace_ = nullptr;
  std::string request_;
  std::string unsupported_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_DURABILITY_LIVE_DURABILITY_H_
