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
#include "live/durability/durable_server.h"
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

  // At a call to the disk for which `wants` is true, a second server starts on what a crash would
  // leave, and what it recovers is judged; the run goes on undisturbed. Not while a process loads.
  struct Probes {
    // Asked of calls while a process loads, too.
    std::function<bool(const DiskCall& call, SandboxRole role)> wants;
    bool kill = true;
    bool power = true;
    uint64_t states = 4;  // the most that power failures at one call may leave
    // One probe in this many goes on: it writes, rewrites, is killed, and starts again.
    uint64_t second_life_one_in = 4;
  };
  void set_probes(Probes probes) { probes_ = std::move(probes); }
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
  // The first probe that was judged wrong.
  const std::optional<CrashFailure>& probe_failure() const { return probe_failure_; }
  // It recovered what it should, and failed in the life after that.
  bool second_life_failed() const { return second_life_failed_; }
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
  // Of a state that no version is: whether it can be one from which keys were evicted since.
  bool LacksEvictedKeys(const DurabilityVerdict& verdict, const Keyspace& recovered);
  // The judge's verdict, with that in mind.
  DurabilityVerdict Rule(const Keyspace& recovered);
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
  void Recover(CrashKind kind);
  void LiveOn(const std::vector<std::string>& settings);
  void FailProbe(CrashKind kind, Violation violation);
  Violation Explain(const DurabilityVerdict& verdict, const Keyspace& recovered);
  // What a power failure at `reordered` or `weak` may take although an fsync has been made, since
  // no server syncs it in time (docs/durability.md).
  struct Unsynced {
    bool any = false;          // anything
    bool directory = false;    // the name of the log's directory; after See(): it is lost
    bool old_names = false;    // names in it that an earlier process has made
    bool closed_file = false;  // data of a file of the log after which there is another one
    void See(const Disk& left);
    void Add(const Unsynced& more);
  };
  struct Crashed {
    CrashKind kind;
    int64_t at_ms;
    Unsynced unsynced = {};
  };
  Unsynced UnsyncedIn(const Disk& disk, CrashKind kind) const;
  bool Excuses(const DurabilityVerdict& verdict, CrashKind kind, const Unsynced& unsynced,
               const Keyspace& recovered);
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
  DurableServer second_;  // of probes
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
  std::vector<DumpedKey> keys_;
  std::vector<DumpedKey> probe_keys_;  // a probe may come while keys_ is being read

  CrashChoices choices_;  // of the crash that is armed
  std::optional<CrashKind> armed_;
  bool in_write_ = false;  // the crash that is armed comes in a write
  MemoryPolicy memory_ = MemoryPolicy::kEnough;
  uint64_t evicted_ = 0;  // by this process, as far as is known
  // Versions during which keys may have been evicted, unnoticed: from, to.
  std::vector<std::pair<uint32_t, uint32_t>> evictions_;
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
  Probes probes_;
  std::function<void(uint32_t, bool)> on_call_;
  std::optional<CrashFailure> probe_failure_;
  bool second_life_failed_ = false;
  CrashKind ends_with_ = CrashKind::kMachine;
  CrashStates states_;
  Disk probe_disk_;
  Disk empty_disk_;
  bool started_ = false;  // a process has started on the disk
  bool booting_ = false;
  uint64_t life_ = 0;   // the number of the server's process
  uint64_t began_ = 0;  // its disk's sync_point() when it started
  size_t op_ = 0;
  uint64_t op_began_ = 0;  // io_count() of the disk
  uint64_t seen_disk_ = 0;
  uint32_t seen_version_ = 0;
  Trace* trace_ = nullptr;
  std::string request_;
  std::string unsupported_;
  DurabilityCounts counts_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_DURABILITY_LIVE_DURABILITY_H_
