#ifndef RESPROBE_WORLDS_DURABILITY_DURABILITY_WORLD_H_
#define RESPROBE_WORLDS_DURABILITY_DURABILITY_WORLD_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/persistence/persistence_log.h"
#include "core/server/server.h"
#include "engine/generate.h"
#include "engine/op.h"
#include "engine/run_context.h"
#include "sim/disk/disk.h"
#include "sim/disk/disk_files.h"
#include "worlds/durability/crash_choices.h"
#include "worlds/durability/durability_counts.h"
#include "worlds/durability/judge.h"
#include "worlds/durability/state_history.h"

namespace resprobe {

enum class StartPolicy : uint8_t { kAlways, kEverySecond, kNo, kSnapshots };
inline constexpr std::string_view kStartPolicyNames[] = {"always", "everysec", "no", "snapshots"};
constexpr std::span<const std::string_view> EnumNames(StartPolicy) { return kStartPolicyNames; }

// CONFIG SET, of one of these.
enum class PolicyChange : uint8_t {
  kAlways,
  kEverySecond,
  kNo,
  kLogOn,
  kLogOff,
  kHoldOnRewrite,
  kNoHold,
  kSaveOften,
  kSaveNever,
  kRdbBase,
  kAofBase,
};
inline constexpr std::string_view kPolicyChangeNames[] = {
    "always",  "everysec",   "no",         "log-on",   "log-off", "hold-on-rewrite",
    "no-hold", "save-often", "save-never", "rdb-base", "aof-base"};
constexpr std::span<const std::string_view> EnumNames(PolicyChange) { return kPolicyChangeNames; }

enum class SaveKind : uint8_t { kBgSave, kSave, kRewrite, kShutdown };
inline constexpr std::string_view kSaveKindNames[] = {"bgsave", "save", "rewrite", "shutdown"};
constexpr std::span<const std::string_view> EnumNames(SaveKind) { return kSaveKindNames; }

// Where a connection ends: within a request, before its reply, or within that.
enum class Cut : uint8_t { kInRequest, kBeforeReply, kInReply };
inline constexpr std::string_view kCutNames[] = {"in-request", "before-reply", "in-reply"};
constexpr std::span<const std::string_view> EnumNames(Cut) { return kCutNames; }

// What a server does that has reached its maxmemory; kEnough: it has not.
enum class MemoryPolicy : uint8_t {
  kEnough,
  kNoEviction,
  kAllKeysRandom,
  kAllKeysLru,
  kVolatileTtl
};
inline constexpr std::string_view kMemoryPolicyNames[] = {"enough", "noeviction", "allkeys-random",
                                                          "allkeys-lru", "volatile-ttl"};
constexpr std::span<const std::string_view> EnumNames(MemoryPolicy) { return kMemoryPolicyNames; }
// True if a server without memory refuses the request (redis 7.0 server.c processCommand).
bool NeedsMemory(const Client* client, std::span<const std::string_view> words, Profile profile);
// What a transaction needs in place of a request that is refused: it is spoiled, by a request that
// is too short, or ends. Empty: the client has none.
std::span<const std::string_view> InPlaceOfRefused(const Client* client,
                                                   std::span<const std::string_view> words,
                                                   Profile profile);
inline constexpr std::string_view kOutOfMemory =
    "OOM command not allowed when used memory > 'maxmemory'.";

// Model: a server on a simulated disk (sim/disk), through several lives, and two clients. Every
// state of its keyspace is a version (state_history.h). What the child process and the thread do
// next, and when, is an op. The first process starts with the first op that needs one, so that
// faults and a crash at its start can come before. A reply to WAITAOF is a receipt.
//
// Faults: kill -9 and power failures at any call to the disk, or after a part of a write, at each
// level of what a power failure may leave; calls that fail, are short, slow or interrupted; a disk
// that is full or read-only; connections that are cut; memory that is short (the core has no
// account of its memory: the world refuses what it would refuse, and lets it evict a key for each
// request that may need memory).
//
// Promise: kInvariants. judge.h says what each policy owes.
class DurabilityWorld {
 public:
  static constexpr std::string_view kName = "durability";
  static constexpr uint32_t kAtNextStart = 1'000'000;  // of Kill and PowerLoss
  static constexpr bool kKeepsMemory = true;
  static constexpr std::string_view kSummary =
      "a server on a simulated disk: what is left after kill -9 and power failures, by its policy";
  static constexpr InvariantInfo kInvariants[] = {
      {"prefix_recovered",
       "what is recovered is the keyspace after a prefix of its changes: no hole, no half of a "
       "transaction, times to live as absolute times"},
      {"acknowledged_kept", "nothing that was acknowledged, and is owed by the policy, is lost"},
      {"snapshot_kept", "without a log, the last snapshot that has finished is recovered"},
      {"fsync_errors_count",
       "after a failed fsync of the log the server exits under always, and refuses writes "
       "otherwise"},
      {"stays_up", "the server exits only if it is told to, or cannot write its log under always"},
      {"restarts", "after a kill, or a power failure that keeps a prefix, the server starts"},
      {"refusal_says_why", "a server that refuses to start says why"},
      {"loads_twice", "loading the same files again gives the same"},
      {"heals", "once the disk has healed, the server accepts and keeps writes again"},
      {"keyspace_sound", "the keyspace passes its own checks"},
      {"cut_request", "a request that has not arrived whole changes nothing"},
  };

  struct Config {
    StartPolicy policy = StartPolicy::kAlways;
    bool valkey = false;
    CrashLevel level = CrashLevel::kPrefix;
    bool sectors = false;  // writes are torn at 512 bytes instead of 4096
    bool aof_base = false;
    bool timestamps = false;
  };

  // A client sends a request.
  struct Call {
    static constexpr std::string_view kName = "call";
    static constexpr int kWeight = 20;
    Index client;
    Args args;
  };
  struct Advance {
    static constexpr std::string_view kName = "advance";
    static constexpr bool kAddsUp = true;
    static constexpr int kWeight = 3;
    Count ms;
  };
  // The child process makes this many calls to the disk; 0: all of them.
  struct Child {
    static constexpr std::string_view kName = "child";
    static constexpr int kWeight = 3;
    Count calls;
  };
  // A thread makes an fsync that was asked for.
  struct Thread {
    static constexpr std::string_view kName = "thread";
    static constexpr int kWeight = 3;
    Index which;
  };
  struct Save {
    static constexpr std::string_view kName = "save";
    static constexpr int kWeight = 2;
    SaveKind kind = SaveKind::kBgSave;
  };
  struct Policy {
    static constexpr std::string_view kName = "policy";
    PolicyChange change = PolicyChange::kAlways;
  };
  // A fault of the disk: at a call from now on, this often (0: until it heals).
  struct Fault {
    static constexpr std::string_view kName = "fault";
    DiskFaultKind kind = DiskFaultKind::kSyncFails;
    Index after;  // calls
    Index times;
    Index variant;
  };
  struct Heal {
    static constexpr std::string_view kName = "heal";
  };
  // kill -9, or a power failure, at the n-th call to the disk from now; 0: now. The server starts
  // again at once. From kAtNextStart on: when the next process starts, the first one included,
  // before its n-th call to the disk, counted from 0.
  struct Kill {
    static constexpr std::string_view kName = "kill";
    static constexpr int kWeight = 2;
    Count after;
  };
  // `choices` are numbers that decide what the power failure leaves (DiskChoices; zeros follow).
  // The first one, of 8: 0 keeps nothing that is pending, 1 keeps everything.
  struct PowerLoss {
    static constexpr std::string_view kName = "power-loss";
    static constexpr int kWeight = 2;
    Count after;
    Args choices;
  };
  // A crash in a write to the disk, the n-th from now, from 0: `part` 255ths of it are made.
  struct CrashInWrite {
    static constexpr std::string_view kName = "crash-in-write";
    Index after;
    Index part;
    bool power = false;  // a power failure, else kill -9
    Args choices;        // as those of PowerLoss
  };
  // A client sends a request, and its connection ends: after `at` 255ths of the request, before the
  // reply, or when its first bytes have come.
  struct Drop {
    static constexpr std::string_view kName = "drop";
    Index client;
    Cut cut = Cut::kInRequest;
    Index at;
    Args args;
  };
  // The memory becomes short, or is enough again, as after a restart. `room`: in a real server that
  // evicts, for this many times 512 bytes more than 8 KiB less than it uses.
  struct Memory {
    static constexpr std::string_view kName = "memory";
    MemoryPolicy policy = MemoryPolicy::kNoEviction;
    Index room;
  };
  using Op = std::variant<Call, Advance, Child, Thread, Save, Policy, Fault, Heal, Kill, PowerLoss,
                          CrashInWrite, Drop, Memory>;

  // The configuration of the world's server, before that of a run.
  static ServerConfig BaseConfig(Profile profile);

  // The fault that an op switches on after this many calls to the disk.
  static DiskFault FaultOf(const Fault& op, uint64_t io);

  // Makes a faulty file system between the server and the disk, for injected faults. `base`: the
  // settings of the first process, for what a run's configuration leaves open.
  using Wrap = std::function<std::unique_ptr<FileSystem>(FileSystem*)>;
  // `runs_cut_requests` is an injected fault: a request whose connection is cut within it arrives
  // whole.
  explicit DurabilityWorld(const Wrap& wrap = nullptr, const PersistenceSettings& base = {},
                           bool runs_cut_requests = false);
  DurabilityWorld(const DurabilityWorld&) = delete;
  DurabilityWorld& operator=(const DurabilityWorld&) = delete;

  void Start(const Config& config, RunContext& run);
  void Apply(const Call& op, RunContext& run);
  void Apply(const Advance& op, RunContext& run);
  void Apply(const Child& op, RunContext& run);
  void Apply(const Thread& op, RunContext& run);
  void Apply(const Save& op, RunContext& run);
  void Apply(const Policy& op, RunContext& run);
  void Apply(const Fault& op, RunContext& run);
  void Apply(const Heal& op, RunContext& run);
  void Apply(const Kill& op, RunContext& run);
  void Apply(const PowerLoss& op, RunContext& run);
  void Apply(const CrashInWrite& op, RunContext& run);
  void Apply(const Drop& op, RunContext& run);
  void Apply(const Memory& op, RunContext& run);
  void Settle(RunContext& run);

  static void Generate(Gen& gen, Config& config);
  static void Generate(Gen& gen, Call& op);
  static void Generate(Gen& gen, Advance& op);
  static void Generate(Gen& gen, Fault& op);
  static void Generate(Gen& gen, Kill& op);
  static void Generate(Gen& gen, PowerLoss& op);
  static void Generate(Gen& gen, CrashInWrite& op);
  static void Generate(Gen& gen, Drop& op);

  // --- For crash points (crash_points.h), while a run is under way.

  Disk& disk() { return disk_; }
  StateHistory& history() { return history_; }
  const DurabilityJudge& judge() const { return judge_; }
  // What has happened since Start().
  const DurabilityCounts& counts() const { return counts_; }
  // The disk has had a fault that may have left files from which a server cannot start.
  bool DiskDamaged() const;
  // What the judge says of a recovered keyspace, and what follows.
  struct Ruling {
    DurabilityVerdict verdict;
    // It is wrong, but follows from something that is known (docs/durability.md): from a fault of
    // the disk, or from what the real servers do not sync.
    bool excused = false;
    bool kept() const { return !IsBroken(verdict.result); }
  };
  // What matters of a crash, if it is now.
  struct CrashFacts {
    CrashKind kind;
    int64_t now_ms;
    bool torn;       // something is not durable, and may be lost
    bool two_files;  // the log goes on in another file, and the one before it is not synced
  };
  CrashFacts FactsOf(CrashKind kind);
  Ruling Rule(const Keyspace& recovered, const CrashFacts& crash);
  // The least version that a crash of this kind must leave now.
  uint32_t Least(CrashKind kind);
  // A wrong recovery as a violation: the last that was ruled on.
  Violation Explain(const Keyspace& recovered, const Ruling& ruling);
  // A process is loading its files: what it must recover is judged when it has started.
  bool starting() const { return starting_; }
  // Of these, the first process on a new disk that has replaced another one.
  bool starts_over() const { return starting_ && starts_over_; }
  // Calls to the disk before that process started.
  uint64_t start_io() const { return start_io_; }
  // The settings (into memory that is kept) and the time with which a server would start after a
  // crash now.
  void NextSettings(ServerConfig* settings);
  int64_t now_ms() { return static_cast<int64_t>(server().now_ms()); }

 private:
  static constexpr size_t kClients = 2;
  static uint32_t GenerateAfter(Gen& gen);
  static std::span<const std::string_view> GenerateChoices(Gen& gen);

  // What the server logs; the last line is its reason to exit.
  struct Lines : PersistenceLog {
    std::string last;
    RunContext* run = nullptr;
    void Line(std::string_view text) override;
  };

  Server& server() { return *servers_[config_.valkey ? 1 : 0]; }
  Persistence& files() { return server().persistence(); }
  // The first process of the run starts, if it has not. False after a violation.
  bool EnsureStarted(RunContext& run);
  // A process starts; false if it exits.
  bool Boot(RunContext& run);
  // A process starts on what is there, is crashed at its start if an op has said so, and what it
  // has recovered from a crash is judged.
  void Recover(RunContext& run);
  void ResetDisk();
  void Connect();
  // Sends a request, takes the reply. False if the server has gone.
  std::string_view Ask(size_t client, std::span<const std::string_view> words, RunContext& run);
  std::string_view Ask(std::initializer_list<std::string_view> words, RunContext& run) {
    return Ask(0, std::span(words.begin(), words.size()), run);
  }
  // False if there is no memory for the request; before that, keys may be evicted.
  bool MakeRoom(size_t client, std::span<const std::string_view> words);
  // A client that waits, perhaps for ever, gives up.
  void EndWait(size_t client);
  void Reconnect(size_t client);
  // The server has returned from a turn. Takes what is left of its replies.
  void EndTurn(RunContext& run);
  // Replies to WAITAOF, which may come late.
  void TakeReceipts();
  void NoteSaves();
  void Pass(int64_t ms, RunContext& run);
  void Arm(CrashKind kind, size_t after, std::span<const std::string_view> choices,
           RunContext& run);
  void Crash(CrashKind kind, RunContext& run);
  // What is not durable, of the log's data and of names.
  struct Unsynced {
    bool data = false;
    bool names = false;
    void Add(const Unsynced& other) {
      data |= other.data;
      names |= other.names;
    }
  };
  Unsynced Pending() const;
  // `left`: by a process that has exited between the crash and the one that has recovered.
  void Judge(const CrashFacts& crash, const Unsynced& left, RunContext& run);
  void CrashDisk(CrashKind kind);
  // The server did not start: after a crash, or without one on a new disk.
  void Refused(const std::optional<CrashFacts>& crash, RunContext& run);
  // A new disk, and a server that has lost everything.
  void StartOver(RunContext& run);
  // What holds from now on begins with no data.
  void ForgetHistory();
  void NoteFaults();
  bool FsyncFails();
  // Runs a step in which no file but the log is synced, and checks what follows from a failure.
  template <class Step>
  void CheckFsyncs(bool refuses, const Step& step, RunContext& run);

  std::array<std::unique_ptr<Server>, 2> servers_;  // by profile
  Disk disk_;
  DiskFiles disk_files_{&disk_};
  std::unique_ptr<FileSystem> faulty_files_;  // nullptr: none
  FileSystem* files_ = nullptr;
  CrashChoices choices_;  // of the crash that is armed
  Lines lines_;
  const PersistenceSettings base_;
  ServerConfig settings_;  // with which the next process starts
  uint64_t process_ = 0;
  struct Connection {
    uint64_t id = 0;
    uint32_t written = 0;  // the version after its last write
    bool asked = false;    // WAITAOF, and there is no reply yet
  };
  std::array<Connection, kClients> clients_{};
  int64_t now_ms_ = 0;
  StateHistory history_;
  DurabilityJudge judge_;
  std::optional<CrashKind> armed_;
  struct StartCrash {
    CrashKind kind;
    uint64_t after;
    CrashChoices choices;  // numbers, since the words of the op may be gone by then
  };
  std::optional<StartCrash> start_crash_;
  std::optional<CrashFacts> crash_;  // while the next process starts
  uint64_t start_io_ = 0;
  uint64_t start_version_ = 0;  // of the disk, when the process started
  bool faults_ = false;         // the disk has had faults
  bool starting_ = false;
  MemoryPolicy memory_ = MemoryPolicy::kEnough;
  uint64_t evictions_ = 0;
  bool in_write_ = false;  // the crash that is armed comes in a write
  const bool runs_cut_requests_;
  DurabilityCounts counts_;
  bool starts_over_ = false;  // the run has gone on with a new disk
  bool fsync_lies_ = false;   // an fsync may report success without being one
  bool reverts_ = false;      // a failed fsync may take back what could be read
  // What a process does not make up for that the one before it, which was killed, had not synced
  // (docs/findings/aof-not-synced-after-a-kill.md): data of the log, which matters once the log
  // goes on in another file; and names, which always matter.
  Unsynced unsynced_;
  // A file of the log may have lost its end while the next one is whole.
  bool may_have_hole_ = false;
  int64_t fsync_since_ = -1;  // in milliseconds
  DiskFaultCounts counted_;   // faults that judge_ knows of
  // Fsyncs of this disk that have failed in the time that slow writes took.
  uint64_t timer_sync_failures_ = 0;
  Config config_;
  bool shuts_down_ = false;  // this process was told to
  bool closing_ = false;     // LogCloses() at the end of the last turn
  uint32_t version_ = 0;     // at the end of the last turn
  Persistence::Child child_ = Persistence::Child::kNone;
  uint64_t children_ = 0;       // of this process
  uint32_t child_version_ = 0;  // when the child began
  int64_t saves_ = 0;
  int64_t rewrites_ = 0;
  std::string request_;
  std::string reply_;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_DURABILITY_DURABILITY_WORLD_H_
