#include "worlds/durability/durability_world.h"

#include <algorithm>
#include <utility>

#include "core/resp/writer.h"
#include "core/table/letter_case.h"
#include "worlds/command/command_generate.h"

namespace resprobe {
namespace {

constexpr int64_t kStartMs = 1'700'000'000'000;
constexpr int64_t kMaxBulk = 64 << 10;
// How long the server has to recover from the errors of a disk: redis retries a snapshot after 5 s.
constexpr int64_t kHealMs = 6000;
// The server's timer runs at least this often. (A real one's does ten times a second.)
constexpr int64_t kTimerMs = 500;
// After this time nothing is left that the server does by itself, so that the rest is one turn.
constexpr int64_t kBusyMs = 10'000;

// Commands whose effects are logged, and those that make transactions of them.
const CommandChoice& Writes() {
  static const CommandChoice choice([](const Command& command) {
    return command.Has(kWrite) || command.role == CommandRole::kMulti ||
           command.role == CommandRole::kExec || command.HasTrait(kOtherDatabase);
  });
  return choice;
}

std::string_view KindName(CrashKind kind) {
  return kind == CrashKind::kProcess ? "kill -9" : "power failure";
}

// One case of so many is settled while an engine fuzzes: it takes as long as half of the ops.
constexpr uint32_t kSettlesOneIn = 4;
// What everysec may lose.
constexpr int64_t kWindowMs = 2000;
constexpr int64_t kUs = 1000;  // in a millisecond

DurabilityPolicy PolicyOf(AppendFsync fsync) {
  switch (fsync) {
    case AppendFsync::kAlways:
      return DurabilityPolicy::kAlways;
    case AppendFsync::kEverySecond:
      return DurabilityPolicy::kEverySecond;
    case AppendFsync::kNo:
      break;
  }
  return DurabilityPolicy::kNo;
}

DurabilityCrash CrashOf(CrashKind kind, int64_t now_ms) {
  return {.power_failure = kind == CrashKind::kMachine, .at_us = (now_ms - kStartMs) * kUs};
}

// The replies with which a server refuses a write for want of a disk or of memory.
bool RefusesWrite(std::string_view reply) {
  if (reply.empty() || reply[0] != '-') return false;
  return reply.starts_with("-MISCONF") || reply.starts_with("-OOM");
}

// A file that a rewrite replaces is not synced yet.
bool LogCloses(const AofLog& log) {
  return std::ranges::any_of(log.tasks(), [](const AofLog::Task& task) { return task.closes; });
}

}  // namespace

bool NeedsMemory(const Client* client, std::span<const std::string_view> words, Profile profile) {
  const Command* const command = words.empty() ? nullptr : FindCommand(words[0], profile);
  if (command == nullptr || !command->ArityFits(words.size())) return false;
  if (client == nullptr || !client->multi) return command->Has(kDenyOom);
  if (!command->is_exec) {
    // redis does not let a transaction grow, whatever it will do.
    return !command->runs_in_multi && (profile == Profile::kRedis70 || command->Has(kDenyOom));
  }
  for (size_t i = 0; i < client->queue.size(); ++i) {
    if (client->queue.entry(i).command->Has(kDenyOom)) return true;
  }
  return false;
}

std::span<const std::string_view> InPlaceOfRefused(const Client* client,
                                                   std::span<const std::string_view> words,
                                                   Profile profile) {
  static constexpr std::string_view kTooShort[] = {"SET"};
  static constexpr std::string_view kDiscard[] = {"DISCARD"};
  if (client == nullptr || !client->multi) return {};
  const Command* const command = FindCommand(words[0], profile);
  return command != nullptr && command->is_exec ? std::span(kDiscard) : std::span(kTooShort);
}

void DurabilityWorld::Lines::Line(std::string_view text) {
  last.assign(text);
  if (run->trace().on()) run->trace().Line("  log: " + last);
}

DurabilityWorld::DurabilityWorld(const Wrap& wrap, const PersistenceSettings& base,
                                 bool runs_cut_requests)
    : faulty_files_(wrap == nullptr ? nullptr : wrap(&disk_files_)),
      files_(faulty_files_ == nullptr ? &disk_files_ : faulty_files_.get()),
      base_(base),
      runs_cut_requests_(runs_cut_requests) {
  for (size_t i = 0; i < servers_.size(); ++i) {
    servers_[i] = std::make_unique<Server>(BaseConfig(static_cast<Profile>(i)));
  }
  judge_.set_describe([this](uint32_t version) { return history_.Describe(version); });
}

ServerConfig DurabilityWorld::BaseConfig(Profile profile) {
  ServerConfig config;
  config.profile = profile;
  config.start_ms = kStartMs;
  config.max_bulk = kMaxBulk;
  return config;
}

// --- The life of a process.

void DurabilityWorld::ResetDisk() {
  DiskOptions options;
  options.level = config_.level;
  options.unit_bytes = config_.sectors ? 512 : 4096;
  disk_.Reset(options, &choices_);
  counted_ = disk_.fault_counts();
  counts_.NewDisk();
  faults_ = fsync_lies_ = reverts_ = false;
  timer_sync_failures_ = 0;
  unsynced_ = {};
  may_have_hole_ = false;
}

void DurabilityWorld::Start(const Config& config, RunContext& run) {
  config_ = config;
  lines_.run = &run;
  counts_ = {};
  evictions_ = 0;
  in_write_ = false;
  choices_.Reset({});
  ResetDisk();
  settings_ = BaseConfig(static_cast<Profile>(config.valkey ? 1 : 0));
  PersistenceSettings& files = settings_.persistence;
  files = base_;
  files.appendonly = config.policy != StartPolicy::kSnapshots;
  files.appendfsync = config.policy == StartPolicy::kAlways ? AppendFsync::kAlways
                      : config.policy == StartPolicy::kNo   ? AppendFsync::kNo
                                                            : AppendFsync::kEverySecond;
  files.aof_use_rdb_preamble = !config.aof_base;
  files.aof_timestamp_enabled = config.timestamps;
  now_ms_ = kStartMs;
  process_ = 0;
  armed_.reset();
  start_crash_.reset();
  crash_.reset();
  starts_over_ = false;
  ForgetHistory();
}

void DurabilityWorld::ForgetHistory() {
  history_.Reset(&server().keyspace());
  judge_.Reset(settings_.persistence.appendonly ? PolicyOf(settings_.persistence.appendfsync)
                                                : DurabilityPolicy::kSnapshots);
}

bool DurabilityWorld::EnsureStarted(RunContext& run) {
  if (process_ == 0) Recover(run);
  return !run.violated();
}

void DurabilityWorld::StartOver(RunContext& run) {
  ResetDisk();
  ForgetHistory();
  starts_over_ = true;
  Recover(run);
}

bool DurabilityWorld::Boot(RunContext& run) {
  ++counts_.lives;
  memory_ = MemoryPolicy::kEnough;
  Server& server = this->server();
  server.set_watcher(nullptr);
  server.Reset();
  server.Configure(settings_);
  server.Advance(static_cast<uint64_t>(now_ms_ - kStartMs));
  lines_.last.clear();
  fsync_since_ = -1;
  child_ = Persistence::Child::kNone;
  children_ = 0;
  saves_ = rewrites_ = 0;
  shuts_down_ = closing_ = false;
  starting_ = true;
  start_io_ = disk_.io_count();
  start_version_ = disk_.version();
  if (start_crash_) {
    choices_ = start_crash_->choices;
    disk_.CrashAt(start_io_ + start_crash_->after);
  }
  const bool started = server.Start(files_, ++process_, &lines_);
  starting_ = false;
  if (!disk_.frozen()) {
    disk_.CrashAt(0);
    start_crash_.reset();
  }
  if (run.trace().on()) {
    run.trace().Line("  process " + std::to_string(process_) +
                     (started ? " has started" : " exits at its start"));
  }
  if (!started) return false;
  server.set_watcher(&history_);
  for (Connection& client : clients_) client = {.id = server.Connect()};
  version_ = history_.version();
  return true;
}

// Faults that change what is owed.
void DurabilityWorld::NoteFaults() {
  const DiskFaultCounts& counts = disk_.fault_counts();
  if (counts.total() == counted_.total()) return;
  const auto acted = [&](DiskFaultKind kind) { return counts[kind] != counted_[kind]; };
  if (acted(DiskFaultKind::kSyncFails)) judge_.FsyncLost();
  if (acted(DiskFaultKind::kSyncLost)) judge_.FsyncLost(/*lied=*/true);
  if (acted(DiskFaultKind::kSyncFails) && reverts_) judge_.Damaged();
  if (acted(DiskFaultKind::kReadFlip) || acted(DiskFaultKind::kRestFlip) ||
      acted(DiskFaultKind::kWriteFlip)) {
    judge_.Damaged();
  }
  counts_.FaultsActed(counts, counted_);
  counted_ = counts;
}

// A fault has acted that may have left files which no server can read: data that an fsync has lost,
// flipped bits (a manifest that was read wrong is written again), a short write that could not be
// cut off, and a manifest that is in place while its directory could not be opened or synced, which
// the server takes for not written (docs/findings/aof-rewrite-deletes-base.md).
bool DurabilityWorld::DiskDamaged() const {
  using enum DiskFaultKind;
  constexpr DiskFaultKind kDamaging[] = {kSyncFails,  kSyncLost, kWriteFlip, kRestFlip,   kReadFlip,
                                         kWriteError, kReadOnly, kOpenError, kInterrupted};
  const DiskFaultCounts& counts = disk_.fault_counts();
  return std::ranges::any_of(kDamaging, [&](DiskFaultKind kind) { return counts[kind] > 0; });
}

// The server reports a failed fsync of its log.
bool DurabilityWorld::FsyncFails() {
  const AofLog& log = files().log();
  return !log.ok() && !log.wants_flush();
}

void DurabilityWorld::NoteSaves() {
  const Persistence& files = this->files();
  const Persistence::Child child = files.child();
  const uint32_t version = history_.version();
  if (files.saves() != saves_) {
    // By the child, or in this turn (SAVE).
    const bool by_child = child_ == Persistence::Child::kSave;
    judge_.SnapshotEnds(by_child ? child_version_ : version);
  }
  if (files.rewrites() != rewrites_) {
    judge_.RewriteEnds((now_ms_ - kStartMs) * kUs);
    unsynced_ = {};
    // The fsync of the new base may have been none.
    may_have_hole_ = fsync_lies_ && judge_.in_doubt();
  }
  saves_ = files.saves();
  rewrites_ = files.rewrites();
  child_ = child;
  if (files.children() == children_) return;
  children_ = files.children();
  child_version_ = version;
  if (child == Persistence::Child::kSave) judge_.SnapshotBegins(version);
  if (child == Persistence::Child::kRewrite) {
    judge_.RewriteBegins(version);
    may_have_hole_ |= unsynced_.data;
  }
}

void DurabilityWorld::EndTurn(RunContext& run) {
  if (run.violated()) return;
  history_.Commit();
  NoteFaults();
  if (disk_.frozen()) return Crash(*std::exchange(armed_, std::nullopt), run);
  // What slow writes have taken.
  const int64_t us = disk_.TakeDelay();
  if (us > 0 && !server().exited()) {
    TakeReceipts();
    const uint64_t failed = disk_.fault_counts()[DiskFaultKind::kSyncFails];
    server().Advance(static_cast<uint64_t>(us / kUs));
    timer_sync_failures_ += disk_.fault_counts()[DiskFaultKind::kSyncFails] - failed;
    history_.Commit();
    NoteFaults();
    if (disk_.frozen()) return Crash(*std::exchange(armed_, std::nullopt), run);
  }
  const int64_t last_ms = now_ms_;
  now_ms_ = static_cast<int64_t>(server().now_ms());
  if (server().exited()) {
    if (!run.Check(shuts_down_ || faults_, "stays_up", "the server goes on",
                   [this] { return lines_.last; })) {
      return;
    }
    // It has synced its log, and waits for no reply.
    if (shuts_down_ && !faults_ && files().aof() == Persistence::Aof::kOn) {
      judge_.Confirm(history_.version(), (now_ms_ - kStartMs) * kUs, "confirmed by a SHUTDOWN");
    }
    return Crash(CrashKind::kProcess, run);
  }
  TakeReceipts();
  NoteSaves();
  Persistence& files = this->files();
  closing_ = LogCloses(files.log());
  if (FsyncFails()) judge_.FsyncLost();
  // What has waited for an fsync is written in a later turn.
  if (!files.thread_waits() && files.log().buffered() == 0) {
    fsync_since_ = -1;
  } else if (fsync_since_ < 0) {
    // The server's timer may have begun it at any moment of a slow write.
    fsync_since_ = us > 0 ? last_ms : now_ms_;
  }
  const PersistenceSettings& settings = server().config().persistence;
  judge_.Acknowledge(
      {.version = history_.version(),
       .now_us = (now_ms_ - kStartMs) * kUs,
       .policy = files.aof() == Persistence::Aof::kOn ? PolicyOf(settings.appendfsync)
                                                      : DurabilityPolicy::kSnapshots,
       .held = settings.no_appendfsync_on_rewrite && child_ != Persistence::Child::kNone,
       .fsync_since_us = fsync_since_ < 0 ? -1 : (fsync_since_ - kStartMs) * kUs,
       .write_fails = files.log().wants_flush() && !files.log().ok(),
       .wrote = history_.version() != version_});
  version_ = history_.version();
}

void DurabilityWorld::TakeReceipts() {
  for (Connection& client : clients_) {
    std::string& output = server().Output(client.id);
    if (output.empty()) continue;
    if (client.asked && output.starts_with("*2\r\n:1\r\n")) {
      judge_.Confirm(client.written, (now_ms_ - kStartMs) * kUs, "confirmed by WAITAOF");
    }
    client.asked = false;
    output.clear();
  }
}

std::string_view DurabilityWorld::Ask(size_t client, std::span<const std::string_view> words,
                                      RunContext& run) {
  EndWait(client);
  Connection& own = clients_[client];
  if (memory_ != MemoryPolicy::kEnough && !MakeRoom(client, words)) {
    counts_.Fired(kMemoryRefusal);
    counts_.RefusedWrite();
    const std::span<const std::string_view> instead =
        InPlaceOfRefused(server().FindClient(own.id), words, server().config().profile);
    if (!instead.empty()) Ask(client, instead, run);
    reply_ = "-" + std::string(kOutOfMemory) + "\r\n";
    return reply_;
  }
  const Client* const other = server().FindClient(clients_[1 - client].id);
  const auto waits = [&] { return other != nullptr && (other->blocked || other->postponed); };
  const bool other_waits = waits();
  request_.clear();
  resp::AppendRequest(&request_, words);
  own.asked = !words.empty() && EqualsIgnoringCase(words[0], "waitaof");
  // Keys may have been evicted, which is nothing that the client has written.
  const uint32_t before = history_.Commit();
  server().Receive(own.id, request_);
  // What a crash in this turn, or an exit, has kept from being sent.
  const bool sent = !disk_.frozen() && !server().exited();
  reply_.clear();
  if (sent) reply_ = server().Output(own.id);
  if (run.trace().on()) run.trace().Data(sent ? "  <-" : "  lost", reply_);
  if (RefusesWrite(reply_)) counts_.RefusedWrite();
  if (const uint32_t after = history_.Commit(); after != before && !own.asked) {
    // Another client that has waited is served after this one's change.
    own.written = other_waits && !waits() ? before + 1 : after;
  }
  EndTurn(run);
  return reply_;
}

void DurabilityWorld::EndWait(size_t client) {
  const Client* const state = server().FindClient(clients_[client].id);
  if (state == nullptr || !state->open || state->blocked) Reconnect(client);
}

void DurabilityWorld::Reconnect(size_t client) {
  server().Close(clients_[client].id);
  clients_[client] = {.id = server().Connect()};
}

bool DurabilityWorld::MakeRoom(size_t client, std::span<const std::string_view> words) {
  const Client* const state = server().FindClient(clients_[client].id);
  if (!NeedsMemory(state, words, server().config().profile)) return true;
  if (memory_ == MemoryPolicy::kNoEviction) return false;
  const Keyspace& keyspace = server().keyspace();
  const bool has_ttl = memory_ == MemoryPolicy::kVolatileTtl;
  std::vector<std::pair<int, std::string>> keys;
  int64_t first_end = kNoExpiry;
  for (int db = 0; db < server().config().databases; ++db) {
    for (size_t i = 0; i < keyspace.keys(db).size(); ++i) {
      const auto& entry = keyspace.keys(db).at(i);
      const int64_t end = entry.value.expire_at();
      if (has_ttl) {
        if (end == kNoExpiry || (first_end != kNoExpiry && end >= first_end)) continue;
        first_end = end;
        keys.clear();
      }
      keys.emplace_back(db, entry.key);
    }
  }
  if (keys.empty()) return false;
  constexpr uint64_t kStride = 7;
  const auto& [db, key] = keys[evictions_++ * kStride % keys.size()];
  server().Evict(db, key);
  history_.Commit();
  counts_.Fired(kEviction);
  return true;
}

void DurabilityWorld::Pass(int64_t ms, RunContext& run) {
  const uint64_t process = process_;
  const int64_t calm = ms - kBusyMs;  // what is left once nothing happens any more
  while (ms > 0 && !run.violated() && process_ == process) {
    const int64_t step = ms <= calm ? ms : std::min(ms, kTimerMs);
    ms -= step;
    server().Advance(static_cast<uint64_t>(step));
    EndTurn(run);
  }
}

// --- Crashes.

void DurabilityWorld::Arm(CrashKind kind, size_t after, std::span<const std::string_view> choices,
                          RunContext& run) {
  if (after >= kAtNextStart) {
    start_crash_ = StartCrash{.kind = kind, .after = after - kAtNextStart + 1, .choices = {}};
    start_crash_->choices.Reset(choices);
    return;
  }
  if (!EnsureStarted(run)) return;
  choices_.Reset(choices);
  if (after == 0) {
    armed_.reset();
    disk_.CrashAt(0);
    return Crash(kind, run);
  }
  armed_ = kind;
  in_write_ = false;
  disk_.CrashAt(disk_.io_count() + after);
}

void DurabilityWorld::NextSettings(ServerConfig* settings) {
  *settings = server().config();
  settings->persistence.appendonly = judge_.policy() != DurabilityPolicy::kSnapshots;
}

void DurabilityWorld::Crash(CrashKind kind, RunContext& run) {
  if (run.trace().on()) run.trace().Line("  " + std::string(KindName(kind)));
  now_ms_ = static_cast<int64_t>(server().now_ms());
  history_.Commit();
  NextSettings(&settings_);
  armed_.reset();
  ++counts_.crashes;
  if (std::exchange(in_write_, false) && disk_.frozen()) counts_.Fired(kCrashInWrite);
  disk_.CrashAt(0);
  crash_ = FactsOf(kind);
  CrashDisk(kind);
  Recover(run);
}

void DurabilityWorld::Recover(RunContext& run) {
  const auto lies = [this] {
    const DiskFaultCounts& counts = disk_.fault_counts();
    return counts[DiskFaultKind::kSyncLost] + (fsync_lies_ ? counts[DiskFaultKind::kSyncFails] : 0);
  };
  const uint64_t lies_before = lies();
  bool started = Boot(run);
  Unsynced left;  // by a process that has exited at its start
  if (disk_.frozen()) {
    // The process has crashed while it loaded.
    const CrashKind next = std::exchange(start_crash_, std::nullopt)->kind;
    if (run.trace().on()) run.trace().Line("  " + std::string(KindName(next)) + " at its start");
    crash_ = FactsOf(next);
    CrashDisk(next);
    started = Boot(run);
  }
  const std::optional<CrashFacts> crash = std::exchange(crash_, std::nullopt);
  if (!started && faults_) {
    // Somebody repairs the disk, and starts the server again.
    NoteFaults();
    left = Pending();
    disk_.Heal();
    started = Boot(run);
  }
  NoteFaults();
  if (!started) return Refused(crash, run);
  if (!crash) return unsynced_.Add(left);
  // What was read wrong is not what the files hold.
  const bool misread = judge_.damaged();
  Judge(*crash, left, run);
  if (misread) judge_.Damaged();
  // An fsync of what the process has made at its start, and never syncs again, was none.
  if (lies() > lies_before) {
    judge_.FsyncLost(/*lied=*/true);
    may_have_hole_ = true;
  }
}

void DurabilityWorld::CrashDisk(CrashKind kind) {
  if (kind == CrashKind::kProcess) {
    unsynced_.Add(Pending());
    may_have_hole_ |= config_.level != CrashLevel::kPrefix && crash_->two_files;
  }
  disk_.Crash(kind);
}

DurabilityWorld::Unsynced DurabilityWorld::Pending() const {
  if (config_.level == CrashLevel::kPrefix) return {};
  return {.data = disk_.pending() > disk_.pending_names(), .names = disk_.pending_names() > 0};
}

void DurabilityWorld::Refused(const std::optional<CrashFacts>& crash, RunContext& run) {
  counts_.Refused(lines_.last);
  if (!run.Check(!lines_.last.empty(), "refusal_says_why", "a line in the log", "nothing")) return;
  // The disk has healed by now: only what its faults have left in the files counts.
  const bool excused = DiskDamaged() || (crash && crash->kind == CrashKind::kMachine &&
                                         crash->torn && config_.level != CrashLevel::kPrefix);
  if (!run.Check(
          excused, "restarts",
          [&] {
            return "the server starts " +
                   (crash ? "after a " + std::string(KindName(crash->kind)) : "on an empty disk");
          },
          [this] { return lines_.last; })) {
    return;
  }
  counts_.Excused();
  StartOver(run);
}

void DurabilityWorld::Judge(const CrashFacts& crash, const Unsynced& left, RunContext& run) {
  const std::string unsound = server().keyspace().CheckIntegrity();
  if (!run.Check(unsound.empty(), "keyspace_sound", "a sound keyspace", unsound)) return;
  const Ruling ruling = Rule(server().keyspace(), crash);
  counts_.Recovered(OutcomeOf(ruling.verdict.result));
  if (ruling.kept()) {
    if (run.trace().on()) {
      run.trace().Line("  recovered version " + std::to_string(ruling.verdict.recovered) + " of " +
                       std::to_string(history_.version()));
    }
    version_ = history_.Reload();
    judge_.Restart(CrashOf(crash.kind, crash.now_ms), ruling.verdict.recovered, version_);
    if (crash.kind == CrashKind::kMachine) {
      unsynced_ = {};
      may_have_hole_ = false;
    }
    unsynced_.Add(left);
    return;
  }
  if (ruling.excused) {
    counts_.Excused();
    return StartOver(run);
  }
  const Violation violation = Explain(server().keyspace(), ruling);
  run.Fail(violation.invariant, violation.expected, violation.seen);
}

DurabilityWorld::CrashFacts DurabilityWorld::FactsOf(CrashKind kind) {
  NoteFaults();
  CrashFacts facts = {
      .kind = kind,
      .now_ms = now_ms(),
      .torn = kind == CrashKind::kMachine && disk_.pending() > 0,
      .two_files = config_.level != CrashLevel::kPrefix && (closing_ || LogCloses(files().log()))};
  // While a process loads, it owes what the one before it has left: both crashes count.
  if (crash_) {
    if (crash_->kind == CrashKind::kMachine) facts.kind = CrashKind::kMachine;
    facts.torn |= crash_->torn;
    facts.two_files |= crash_->two_files;
  }
  return facts;
}

DurabilityWorld::Ruling DurabilityWorld::Rule(const Keyspace& recovered, const CrashFacts& crash) {
  judge_.At(CrashOf(crash.kind, crash.now_ms));
  Ruling ruling = {.verdict = history_.Judge(recovered, &judge_)};
  // What a killed process has written is all there, and a snapshot has a checksum.
  if (ruling.kept() || crash.kind == CrashKind::kProcess ||
      judge_.policy() == DurabilityPolicy::kSnapshots) {
    return ruling;
  }
  const bool mixed = OutcomeOf(ruling.verdict.result) == DurabilityOutcome::kMixed;
  // Pages that a failed fsync has lost.
  const bool lost_pages = mixed && judge_.in_doubt();
  // The end of the log that was not durable may be anything.
  const bool garbage = mixed && crash.torn && config_.level == CrashLevel::kWeak &&
                       history_.DiffersOnlySince(recovered, judge_.required());
  ruling.excused = crash.two_files || may_have_hole_ || unsynced_.names || lost_pages || garbage;
  return ruling;
}

uint32_t DurabilityWorld::Least(CrashKind kind) {
  judge_.At(CrashOf(kind, now_ms()));
  return judge_.required();
}

Violation DurabilityWorld::Explain(const Keyspace& recovered, const Ruling& ruling) {
  const DurabilityVerdict& verdict = ruling.verdict;
  const uint32_t beside =
      verdict.recovered == DurabilityVerdict::kNoVersion ? history_.version() : verdict.required;
  return {.invariant = std::string(InvariantOf(verdict.result)),
          .expected = judge_.Expected(verdict),
          .seen = std::string(NameOf(verdict.result)) + ": " + judge_.Seen(verdict) +
                  "; beside version " + std::to_string(beside) + ": " +
                  history_.Difference(recovered, beside)};
}

// --- Ops.

template <class Step>
void DurabilityWorld::CheckFsyncs(bool refuses, const Step& step, RunContext& run) {
  // Those of the server's timer, which may come in the turn if a write is slow, are of any file.
  const auto failures = [this] {
    return disk_.fault_counts()[DiskFaultKind::kSyncFails] - timer_sync_failures_;
  };
  const uint64_t failed = failures();
  const uint64_t process = process_;
  const uint64_t times_off = files().times_off();
  step();
  if (run.violated() || fsync_lies_ || process_ != process || failures() == failed) {
    return;
  }
  // It has turned its log off (CONFIG SET in a transaction), and said that it could not sync it.
  if (files().times_off() != times_off) return;
  run.Check(refuses && !files().Refusal().empty(), "fsync_errors_count",
            refuses ? "the server refuses writes" : "the server exits", "it goes on");
}

void DurabilityWorld::Apply(const Call& op, RunContext& run) {
  if (!EnsureStarted(run)) return;
  CheckFsyncs(
      /*refuses=*/false, [&] { Ask(op.client.Of(kClients), op.args.words, run); }, run);
}

void DurabilityWorld::Apply(const Advance& op, RunContext& run) {
  if (EnsureStarted(run)) Pass(op.ms.value, run);
}

void DurabilityWorld::Apply(const Child& op, RunContext& run) {
  if (!EnsureStarted(run)) return;
  constexpr size_t kMost = 1 << 16;
  const size_t calls = op.calls.UpTo(kMost);
  for (size_t i = 0; i < calls && files().child_runs() && !disk_.frozen(); ++i) files().StepChild();
  EndTurn(run);
}

void DurabilityWorld::Apply(const Thread& op, RunContext& run) {
  if (!EnsureStarted(run) || !files().thread_waits()) return;
  // The server goes on while the fsync is under way.
  if (const int64_t ms = disk_.sync_delay_us() / 1000; ms > 0) Pass(ms, run);
  if (run.violated() || !files().thread_waits()) return;
  const auto work = [&] {
    files().RunThread(op.which.value);
    if (files().log().buffered() == 0) fsync_since_ = -1;
    EndTurn(run);
  };
  // redis 7.0 ignores a failure at the end of a file that a rewrite replaces.
  if (LogCloses(files().log())) return work();
  CheckFsyncs(/*refuses=*/true, work, run);
}

void DurabilityWorld::Apply(const Save& op, RunContext& run) {
  if (!EnsureStarted(run)) return;
  switch (op.kind) {
    case SaveKind::kBgSave:
      Ask({"BGSAVE"}, run);
      break;
    case SaveKind::kSave:
    case SaveKind::kShutdown:
      // Both may save before the turn has ended.
      if (op.kind == SaveKind::kShutdown || child_ != Persistence::Child::kSave) {
        judge_.SnapshotBegins(history_.version());
      }
      shuts_down_ |= op.kind == SaveKind::kShutdown;
      Ask({op.kind == SaveKind::kSave ? "SAVE" : "SHUTDOWN"}, run);
      break;
    case SaveKind::kRewrite:
      Ask({"BGREWRITEAOF"}, run);
      break;
  }
}

void DurabilityWorld::Apply(const Policy& op, RunContext& run) {
  if (!EnsureStarted(run)) return;
  struct Words {
    std::string_view setting;
    std::string_view value;
  };
  constexpr Words kWords[] = {{"appendfsync", "always"},
                              {"appendfsync", "everysec"},
                              {"appendfsync", "no"},
                              {"appendonly", "yes"},
                              {"appendonly", "no"},
                              {"no-appendfsync-on-rewrite", "yes"},
                              {"no-appendfsync-on-rewrite", "no"},
                              {"save", "1 1"},
                              {"save", ""},
                              {"aof-use-rdb-preamble", "yes"},
                              {"aof-use-rdb-preamble", "no"}};
  static_assert(std::size(kWords) == std::size(kPolicyChangeNames));
  const Words& words = kWords[static_cast<size_t>(op.change)];
  Ask({"CONFIG", "SET", words.setting, words.value}, run);
}

DiskFault DurabilityWorld::FaultOf(const Fault& op, uint64_t io) {
  DiskFault fault = MakeDiskFault(op.kind);
  const DiskFaultInfo& info = InfoOf(op.kind);
  if (!info.named().empty()) {
    const DiskFaultAttribute& first = info.named()[0];
    fault.values[0] = first.least + op.variant.value % (first.most - first.least + 1);
    if (first.most - first.least > 255) fault.values[0] = first.usual;
  }
  fault.from = io + 1 + op.after.value;
  fault.times = op.times.value == 0 ? DiskFault::kForever : op.times.value;
  // A call that is always interrupted is made for ever.
  if (op.kind == DiskFaultKind::kInterrupted) fault.times = std::max<uint32_t>(op.times.value, 1);
  return fault;
}

void DurabilityWorld::Apply(const Fault& op, RunContext&) {
  const DiskFault fault = FaultOf(op, disk_.io_count());
  disk_.Inject(fault);
  faults_ = true;
  if (op.kind != DiskFaultKind::kSyncFails) return;
  reverts_ |= fault.values[0] == static_cast<int64_t>(SyncFailure::kRevert);
  fsync_lies_ |= fault.values[0] == static_cast<int64_t>(SyncFailure::kLate);
}

void DurabilityWorld::Apply(const Heal&, RunContext&) { disk_.Heal(); }

void DurabilityWorld::Apply(const Kill& op, RunContext& run) {
  Arm(CrashKind::kProcess, op.after.value, {}, run);
}

void DurabilityWorld::Apply(const PowerLoss& op, RunContext& run) {
  Arm(CrashKind::kMachine, op.after.value, op.choices.words, run);
}

void DurabilityWorld::Apply(const CrashInWrite& op, RunContext& run) {
  if (!EnsureStarted(run)) return;
  choices_.Reset(op.choices.words);
  armed_ = op.power ? CrashKind::kMachine : CrashKind::kProcess;
  in_write_ = true;
  disk_.CrashInWrite(uint64_t{op.after.value} + 1, op.part.value);
}

void DurabilityWorld::Apply(const Drop& op, RunContext& run) {
  if (!EnsureStarted(run)) return;
  const size_t client = op.client.Of(kClients);
  EndWait(client);
  const bool whole = op.cut != Cut::kInRequest || runs_cut_requests_;
  const bool runs = memory_ == MemoryPolicy::kEnough || MakeRoom(client, op.args.words);
  request_.clear();
  resp::AppendRequest(&request_, op.args.words);
  std::string_view sent = request_;
  if (!whole) sent = sent.substr(0, request_.size() * op.at.value / (UINT8_MAX + 1));
  history_.Commit();
  const uint32_t before = history_.version();
  if (runs) server().Receive(clients_[client].id, sent);
  if (run.trace().on()) run.trace().Data("  cut", sent);
  Reconnect(client);
  counts_.Fired(op.cut == Cut::kInReply ? kReplyCut : kRequestCut);
  if (op.cut == Cut::kInRequest &&
      !run.Check(history_.Commit() == before, "cut_request", "nothing has changed", [&] {
        return "a part of a request has changed " + history_.Describe(history_.version());
      })) {
    return;
  }
  EndTurn(run);
}

void DurabilityWorld::Apply(const Memory& op, RunContext& run) {
  if (EnsureStarted(run)) memory_ = op.policy;
}

// The disk heals, and so must the server; then everything that it has acknowledged is durable.
void DurabilityWorld::Settle(RunContext& run) {
  if (!EnsureStarted(run)) return;
  if (!run.Makes(kSettlesOneIn)) return;
  disk_.Heal();
  disk_.CrashAt(0);
  armed_.reset();
  start_crash_.reset();
  in_write_ = false;
  memory_ = MemoryPolicy::kEnough;
  const auto work = [&] {
    while (!run.violated() && (files().child_runs() || files().thread_waits())) {
      if (files().child_runs()) files().StepChild();
      if (files().thread_waits()) files().RunThread();
    }
    fsync_since_ = -1;
    EndTurn(run);
  };
  work();
  for (int round = 0; round < 3 && faults_ && !run.violated(); ++round) {
    Pass(kHealMs, run);
    if (!run.violated()) work();
  }
  if (run.violated()) return;
  server().Close(clients_[0].id);
  clients_[0] = {.id = server().Connect()};
  const auto write = [&, had_faults = faults_] {
    std::string_view reply = Ask({"SET", "healed", "1"}, run);
    // An fsync may report an older failure: the server has exited, and started again, perhaps on an
    // empty disk.
    if (reply.empty() && had_faults && !run.violated()) reply = Ask({"SET", "healed", "1"}, run);
    return reply;
  };
  std::string_view reply = write();
  if (run.violated()) return;
  // Two states in which both servers remain until somebody helps them
  // (docs/findings/aof-fsync-error-for-ever.md, misconf-without-changes.md).
  // Both may hold, one after the other.
  for (int help = 0; help < 2 && reply.starts_with("-MISCONF"); ++help) {
    if (reply.starts_with("-MISCONF Errors writing to the AOF") && FsyncFails()) {
      Ask({"CONFIG", "SET", "appendonly", "no"}, run);
      if (!run.violated()) Ask({"CONFIG", "SET", "appendonly", "yes"}, run);
    } else if (!files().last_save_ok()) {
      Ask({"BGSAVE"}, run);
    }
    if (!run.violated()) work();
    if (!run.violated()) Pass(kHealMs, run);
    if (run.violated()) return;
    reply = write();
  }
  if (!run.Check(reply == "+OK\r\n", "heals", "+OK, for the disk has healed", [&] {
        return std::string(NameOf(DurabilityResult::kStuck)) + ": " + std::string(reply);
      })) {
    counts_.Recovered(DurabilityOutcome::kStuck);
    return;
  }
  for (int round = 0; round < 2 && !run.violated(); ++round) {
    Pass(kWindowMs, run);
    work();
  }
  if (run.violated()) return;
  Arm(CrashKind::kMachine, 0, {}, run);
  if (run.violated()) return;
  // A process that has changed nothing has left what it has read.
  if (disk_.version() == start_version_) return;
  const uint64_t loaded = server().keyspace().Digest();
  Arm(CrashKind::kProcess, 0, {}, run);
  if (run.violated()) return;
  if (!run.Check(server().keyspace().Digest() == loaded, "loads_twice", "the same keyspace", [] {
        return std::string(NameOf(DurabilityResult::kPoisoned)) + ": another one";
      })) {
    counts_.Recovered(DurabilityOutcome::kPoisoned);
  }
}

// --- Generation.

void DurabilityWorld::Generate(Gen& gen, Config& config) { VisitFields(config, gen); }

void DurabilityWorld::Generate(Gen& gen, Call& op) {
  gen("client", op.client);
  if (gen.rng().OneIn(16)) {
    constexpr std::string_view kTimeouts[] = {"0", "10", "1000"};
    const std::span<std::string_view> words = gen.arena().Words(4);
    words[0] = "WAITAOF";
    words[1] = "1";
    words[2] = "0";
    words[3] = gen.rng().Pick(kTimeouts);
    op.args.words = words;
    return;
  }
  op.args.words = Writes().Generate(gen);
}

void DurabilityWorld::Generate(Gen& gen, Advance& op) {
  constexpr uint32_t kSteps[] = {1, 10, 100, 500, 1000, 1001, 2000, 3000};
  op.ms.value = gen.rng().Pick(kSteps);
}

void DurabilityWorld::Generate(Gen& gen, Fault& op) {
  VisitFields(op, gen);
  op.after.value = static_cast<uint8_t>(gen.rng().Below(gen.rng().OneIn(2) ? 3 : 20));
  op.times.value = static_cast<uint8_t>(gen.rng().OneIn(3) ? 0 : 1 + gen.rng().Below(3));
}

// When a crash comes: now, soon, or while the next process loads.
uint32_t DurabilityWorld::GenerateAfter(Gen& gen) {
  if (gen.rng().OneIn(3)) return 0;
  const auto calls = static_cast<uint32_t>(gen.rng().Below(30));
  return gen.rng().OneIn(8) ? kAtNextStart + calls : calls;
}

void DurabilityWorld::Generate(Gen& gen, Kill& op) { op.after.value = GenerateAfter(gen); }

std::span<const std::string_view> DurabilityWorld::GenerateChoices(Gen& gen) {
  constexpr std::string_view kNumbers[] = {"0", "1", "2", "3", "5", "7", "12", "31"};
  const std::span<std::string_view> words = gen.arena().Words(gen.rng().Below(6));
  for (std::string_view& word : words) word = gen.rng().Pick(kNumbers);
  return words;
}

void DurabilityWorld::Generate(Gen& gen, PowerLoss& op) {
  op.after.value = GenerateAfter(gen);
  op.choices.words = GenerateChoices(gen);
}

void DurabilityWorld::Generate(Gen& gen, CrashInWrite& op) {
  op.after.value = static_cast<uint8_t>(gen.rng().OneIn(2) ? 0 : gen.rng().Below(8));
  op.part.value = static_cast<uint8_t>(gen.rng().Below(UINT8_MAX + 1));
  op.power = gen.rng().OneIn(2);
  op.choices.words = GenerateChoices(gen);
}

void DurabilityWorld::Generate(Gen& gen, Drop& op) {
  gen("client", op.client);
  gen("cut", op.cut);
  op.at.value = static_cast<uint8_t>(gen.rng().Below(UINT8_MAX + 1));
  op.args.words = Writes().Generate(gen);
}

}  // namespace resprobe
