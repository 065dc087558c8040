#include "live/durability/live_durability.h"

#include <charconv>
#include <utility>
#include <variant>

#include "core/resp/writer.h"
#include "engine/ops_text.h"
#include "sim/disk/disk_trace.h"

namespace resprobe::live {
namespace {

// A request must be served within the millisecond in which the core serves it.
constexpr int64_t kLatestUs = 300;

std::string_view KindName(CrashKind kind) {
  return kind == CrashKind::kProcess ? "kill -9" : "power failure";
}

// The name of a file without its numbers, as a number.
uint32_t ShapeOf(std::string_view path) {
  uint32_t shape = 0;
  for (const char c : path) {
    if (c < '0' || c > '9') shape = shape * 31 + static_cast<uint8_t>(c);
  }
  return shape;
}

ServerConfig ConfigFor(Profile profile) {
  ServerConfig config = DurabilityWorld::BaseConfig(profile);
  config.max_bulk = kDurableMaxBulk;
  return config;
}

}  // namespace

LiveDurability::LiveDurability(PreparedServers* prepared, Profile profile)
    : server_(prepared),
      profile_(profile),
      probes_(prepared, ConfigFor(profile), &ruling_, &judge_, &counts_) {
  ServerConfig config = ConfigFor(profile);
  spare_ = std::make_unique<Server>(config);
  // Effects are recorded only by a server that logs them.
  config.persistence.appendonly = true;
  config.persistence.appendfsync = AppendFsync::kNo;
  model_ = std::make_unique<Server>(config);
  judge_.set_describe([this](uint32_t version) { return history_.Describe(version); });
}

LiveDurability::~LiveDurability() = default;

std::vector<std::string> LiveDurability::Settings::Words() const {
  const auto yes = [](bool on) { return std::string(on ? "yes" : "no"); };
  return {"--appendonly",
          yes(appendonly),
          "--appendfsync",
          std::string(appendfsync),
          "--no-appendfsync-on-rewrite",
          yes(hold),
          "--save",
          std::string(save),
          "--aof-use-rdb-preamble",
          yes(rdb_base),
          "--aof-timestamp-enabled",
          yes(timestamps)};
}

DurabilityPolicy LiveDurability::policy() const {
  if (!settings_.appendonly || waits_for_rewrite_) return DurabilityPolicy::kSnapshots;
  if (settings_.appendfsync == "always") return DurabilityPolicy::kAlways;
  return settings_.appendfsync == "no" ? DurabilityPolicy::kNo : DurabilityPolicy::kEverySecond;
}

// --- The life of a process.

void LiveDurability::ResetModel() {
  model_->set_watcher(nullptr);
  model_->Reset();
  model_disk_.Reset();
  const int64_t now = server_.up() ? server_.now_ms() : kDurableStartMs;
  model_->Advance(static_cast<uint64_t>(now - kDurableStartMs));
  model_->Start(&model_files_, 1, &model_log_);
  model_clients_.fill(0);
  ConnectModel();
}

void LiveDurability::ConnectModel() {
  for (uint64_t& client : model_clients_) {
    if (client != 0) model_->Close(client);
    client = model_->Connect();
  }
}

bool LiveDurability::Run(const World::Config& config, const std::vector<World::Op>& ops,
                         RunContext& run) {
  Start(config, run);
  for (op_ = 0; op_ < ops.size() && !Stopped(run); ++op_) {
    run.set_op(op_);
    op_began_ = disk().io_count();
    if (run.trace().on()) {
      std::string text = "#" + std::to_string(op_) + " ";
      PrintOp(ops[op_], &text);
      run.trace().Line(text);
    }
    std::visit([&](const auto& op) { Apply(op, run); }, ops[op_]);
  }
  if (!Stopped(run)) {
    run.set_op(ops.size());
    op_began_ = disk().io_count();
    if (run.trace().on()) run.trace().Line("the end: the disk heals");
    Settle(run);
  }
  return !Stopped(run);
}

void LiveDurability::Start(const World::Config& config, RunContext& run) {
  config_ = config;
  trace_ = &run.trace();
  probes_.Start();
  op_ = kNoOp;
  op_began_ = 0;
  settings_ = {};
  settings_.appendonly = config.policy != StartPolicy::kSnapshots;
  settings_.appendfsync = config.policy == StartPolicy::kAlways ? "always"
                          : config.policy == StartPolicy::kNo   ? "no"
                                                                : "everysec";
  settings_.rdb_base = !config.aof_base;
  settings_.timestamps = config.timestamps;
  counts_ = {};
  unsupported_.clear();
  armed_.reset();
  start_crash_.reset();
  choices_.Reset({});
  server_.End();
  ResetDisk();
}

void LiveDurability::ResetDisk() {
  DiskOptions options;
  options.level = config_.level;
  options.unit_bytes = config_.sectors ? 512 : 4096;
  empty_disk_.Reset(options);
  started_ = false;
  faults_ = reverts_ = in_write_ = false;
  counted_.Reset();
  counts_.NewDisk();
  ruling_.Reset();
  waits_for_rewrite_ = false;
}

bool LiveDurability::EnsureStarted(RunContext& run) {
  if (!started_ && !Stopped(run)) Recover(std::nullopt, run);
  return !Stopped(run);
}

void LiveDurability::StartOver(RunContext& run) {
  ResetDisk();
  Recover(std::nullopt, run);
}

// A process has started that had nothing to recover.
void LiveDurability::ForgetHistory() {
  ResetModel();
  history_.Reset(&model_->keyspace());
  model_->set_watcher(&history_);
  version_ = 0;
  judge_.Reset(policy());
}

// A fault has acted on this disk.
bool LiveDurability::FaultsActed() const {
  const DiskFaultCounts& counts = disk().fault_counts();
  for (size_t i = 0; i < kDiskFaultKinds; ++i) {
    if (counts[static_cast<DiskFaultKind>(i)] > 0) return true;
  }
  return false;
}

bool LiveDurability::Boot(const Disk& disk, int64_t at_us) {
  ++counts_.lives;
  ++life_;
  fsync_since_us_ = -1;
  saving_ = rewriting_ = false;
  saves_.clear();
  rewrites_.clear();
  shuts_down_ = false;
  memory_ = MemoryPolicy::kEnough;
  evicted_ = 0;
  booting_ = true;
  began_ = disk.sync_point();
  const bool started = server_.Start(settings_.Words(), disk, at_us, &choices_, this);
  booting_ = false;
  if (server_.unsupported()) unsupported_ = server_.why();
  if (!started || server_.frozen()) return false;
  return true;
}

void LiveDurability::OnCall(const Disk& disk, const DiskCall& call) {
  if (!IsIo(call.op) || disk.frozen()) return;
  const SandboxRole role = booting_ ? kSandboxServer : server_.caller();
  if (probes_.wants(call, role) && !booting_) Probe(disk, call);
}

void LiveDurability::OnResult(const Disk&, const DiskCall& call) {
  if (!IsIo(call.op)) return;
  // A snapshot or a rewrite begins. It may be done before INFO is asked again, and what its fsync
  // meets counts. (Servers open such files to remove them, too.)
  if (call.op == DiskOp::kWrite && call.offset == 0 && !booting_) {
    const auto has = [&](std::string_view part) { return call.path.find(part) != call.path.npos; };
    if (has("temp-") && has(".rdb")) judge_.SnapshotBegins(history_.Commit());
    if (has("temp-rewriteaof")) {
      judge_.RewriteBegins(history_.Commit());
      has_new_base_ = false;
    }
  }
  // A child that is killed leaves the status of the last rewrite as it was.
  if (call.op == DiskOp::kRename && call.result >= 0 &&
      call.path.find("temp-rewriteaof-bg") != call.path.npos) {
    has_new_base_ = call.to.find(".base.") != call.to.npos;
  }
  if (trace_ != nullptr && trace_->on()) {
    constexpr std::string_view kRoles[] = {"", "child: ", "thread: "};
    trace_->Line("    " + std::string(kRoles[booting_ ? 0 : server_.caller()]) + PrintCall(call) +
                 " = " + (call.result < 0 ? ErrorName(call.result) : std::to_string(call.result)));
  }
  if (on_call_ != nullptr) {
    const SandboxRole role = booting_ ? kSandboxServer : server_.caller();
    on_call_((static_cast<uint32_t>(ShapeOf(call.op == DiskOp::kRename ? call.to : call.path)) *
                  kSandboxRoles +
              role) * static_cast<uint32_t>(kDiskOps) +
                 static_cast<uint32_t>(call.op),
             call.result < 0);
  }
}

void LiveDurability::NoteFaults() {
  const DiskFaultCounts& now = disk().fault_counts();
  const auto acted = [&](DiskFaultKind kind) { return now[kind] != counted_[kind]; };
  if (acted(DiskFaultKind::kSyncFails)) judge_.FsyncLost();
  if (acted(DiskFaultKind::kSyncLost)) judge_.FsyncLost(/*lied=*/true);
  if (acted(DiskFaultKind::kSyncFails) && reverts_) judge_.Damaged();
  if (acted(DiskFaultKind::kReadFlip) || acted(DiskFaultKind::kRestFlip) ||
      acted(DiskFaultKind::kWriteFlip)) {
    judge_.Damaged();
  }
  counts_.FaultsActed(now, counted_);
  counted_ = now;
}

void LiveDurability::Align() {
  if (server_.now_us() % kMsUs > kLatestUs) server_.Pass(kMsUs - server_.now_us() % kMsUs);
  const auto now = static_cast<uint64_t>(server_.now_ms());
  if (now > model_->now_ms()) model_->Advance(now - model_->now_ms());
  for (const uint64_t client : model_clients_) model_->Output(client).clear();
}

std::optional<std::string> LiveDurability::Ask(std::initializer_list<std::string_view> words,
                                               RunContext& run,
                                               std::optional<MemoryPolicy> memory) {
  if (run.trace().on()) {
    request_.clear();
    resp::AppendRequest(&request_, std::span(words.begin(), words.size()));
    run.trace().Data("  ->", request_);
  }
  std::optional<std::string> reply = server_.Ask(words);
  if (run.trace().on() && reply) run.trace().Data("  <-", *reply);
  if (memory && reply == "OK") memory_ = *memory;
  EndTurn(false, run);
  return reply;
}

void LiveDurability::EndTurn(bool wrote, RunContext& run) {
  if (Stopped(run)) return;
  if (server_.unsupported()) {
    unsupported_ = server_.why();
    return;
  }
  NoteFaults();
  if (server_.frozen()) return Crash(armed_.value_or(CrashKind::kProcess), run);
  if (server_.up()) server_.Update();
  if (server_.frozen()) return Crash(armed_.value_or(CrashKind::kProcess), run);
  if (server_.up() && memory_ > MemoryPolicy::kNoEviction) {
    if (Evicted() > evicted_) return EndPressure(run);
    if (server_.frozen()) return Crash(armed_.value_or(CrashKind::kProcess), run);
  }
  if (!server_.up()) {
    if (!run.Check(shuts_down_ || FaultsActed(), "stays_up", "the server goes on",
                   [this] { return server_.node().ending() + ": " + server_.why(); })) {
      return;
    }
    return Crash(CrashKind::kProcess, run);
  }
  NoteSaves();
  const bool write_fails = server_.Info("aof_last_write_status") == "err";
  const std::string_view buffered = server_.Info("aof_buffer_length");
  const std::string_view pending = server_.Info("aof_pending_bio_fsync");
  if ((pending.empty() || pending == "0") && (buffered.empty() || buffered == "0")) {
    fsync_since_us_ = -1;
  } else if (fsync_since_us_ < 0) {
    fsync_since_us_ = (server_.now_ms() - kDurableStartMs) * kMsUs;
  }
  judge_.Acknowledge({.version = history_.version(),
                      .now_us = (server_.now_ms() - kDurableStartMs) * kMsUs,
                      .policy = policy(),
                      .held = settings_.hold && (saving_ || rewriting_),
                      .fsync_since_us = fsync_since_us_,
                      .write_fails = write_fails,
                      .wrote = wrote && history_.version() != version_});
  version_ = history_.version();
}

void LiveDurability::Reconnect(size_t client) {
  server_.Disconnect(client);
  model_->Close(model_clients_[client]);
  model_clients_[client] = model_->Connect();
}

uint64_t LiveDurability::Evicted() {
  server_.Update("stats");
  const std::string_view evicted = server_.Info("evicted_keys");
  uint64_t keys = 0;
  std::from_chars(evicted.data(), evicted.data() + evicted.size(), keys);
  server_.Update();
  return keys;
}

void LiveDurability::EndPressure(RunContext& run) {
  const uint64_t life = life_;
  // This request, too, may evict.
  Ask({"CONFIG", "SET", "maxmemory", "0"}, run, MemoryPolicy::kEnough);
  if (Stopped(run) || life_ != life || !server_.up()) return;
  const uint64_t keys = Evicted();
  if (keys > evicted_) {
    counts_.Fired(kEviction, keys - evicted_);
    if (run.trace().on()) run.trace().Line("  evicted: " + std::to_string(keys - evicted_));
    evicted_ = keys;
    Adopt(run);
  }
  ruling_.EvictionsEnd();
  EndTurn(true, run);
}

// The counters count beginnings; the statuses are of the last end.
void LiveDurability::NoteSaves() {
  const uint32_t version = history_.version();
  const std::string_view saves = server_.Info("rdb_saves");
  const std::string_view rewrites = server_.Info("aof_rewrites");
  const bool saving = Number("rdb_bgsave_in_progress");
  const bool rewriting = Number("aof_rewrite_in_progress");
  const bool saved = server_.Info("rdb_last_bgsave_status") == "ok";
  const bool rewrote = server_.Info("aof_last_bgrewrite_status") == "ok";
  // One that began and ended since the last look: nothing has changed meanwhile.
  const bool whole_save =
      !saves_.empty() && saves != saves_ && !saving && !saving_ && !saves_itself_;
  const bool whole_rewrite =
      !rewrites_.empty() && rewrites != rewrites_ && !rewriting && !rewriting_;
  // OnResult() has seen their beginnings.
  if (saving_ && !saving && saved) judge_.SnapshotEnds(child_version_);
  if (whole_save && saved) judge_.SnapshotEnds(version);
  if ((whole_rewrite || (rewriting_ && !rewriting)) && rewrote && has_new_base_) {
    judge_.RewriteEnds((server_.now_ms() - kDurableStartMs) * kMsUs);
    waits_for_rewrite_ = false;
  }
  if ((saving && saves != saves_) || (rewriting && rewrites != rewrites_)) child_version_ = version;
  saves_ = saves;
  rewrites_ = rewrites;
  saving_ = saving;
  rewriting_ = rewriting;
}

void LiveDurability::Pass(int64_t ms, RunContext& run) {
  constexpr int64_t kStepMs = 500;
  const uint64_t life = life_;
  while (ms > 0 && !Stopped(run) && life_ == life) {
    const int64_t step = std::min(ms, kStepMs);
    ms -= step;
    server_.Pass(step * kMsUs);
    if (server_.up() && !server_.frozen()) Align();
    EndTurn(false, run);
  }
}

// --- Crashes.

void LiveDurability::Arm(CrashKind kind, size_t after, std::span<const std::string_view> choices,
                         RunContext& run) {
  if (after >= World::kAtNextStart) {
    start_crash_ = {.kind = kind, .after = after - World::kAtNextStart + 1, .choices = choices};
    return;
  }
  if (!EnsureStarted(run)) return;
  choices_.Reset(choices);
  if (after == 0) return Crash(kind, run);
  armed_ = kind;
  in_write_ = false;
  server_.disk().CrashAt(server_.disk().io_count() + after);
}

void LiveDurability::Crash(CrashKind kind, RunContext& run) {
  if (run.trace().on()) run.trace().Line("  " + std::string(KindName(kind)));
  ++counts_.crashes;
  if (std::exchange(in_write_, false) && server_.frozen()) counts_.Fired(kCrashInWrite);
  armed_.reset();
  history_.Commit();
  settings_.appendonly = judge_.policy() != DurabilityPolicy::kSnapshots;
  waits_for_rewrite_ = false;
  ruling_.Crashed();
  // What is owed is what was owed when the turn began: in one that slow calls make long, the server
  // does nothing for its log.
  Crashed crash = {.kind = kind, .at_ms = server_.now_ms()};
  crash.unsynced = Unsynced::On(server_.disk(), kind, began_);
  server_.disk().CrashAt(0);
  server_.Crash(kind);
  crash.unsynced.See(server_.disk());
  Recover(crash, run);
}

void LiveDurability::Recover(std::optional<Crashed> crash, RunContext& run) {
  const std::optional<StartCrash> again = std::exchange(start_crash_, std::nullopt);
  if (again) {
    disk().CrashAt(disk().io_count() + again->after);
    choices_.Reset(again->choices);
  }
  // The next process starts a moment later.
  int64_t at_us = started_ ? server_.call_us() + kMsUs : 0;
  bool started = Boot(disk(), at_us);
  started_ = true;
  if (again && server_.up() && server_.frozen()) {
    if (run.trace().on()) {
      run.trace().Line("  " + std::string(KindName(again->kind)) + " at its start");
    }
    const Unsynced more = Unsynced::On(server_.disk(), again->kind, began_);
    server_.disk().CrashAt(0);
    server_.Crash(again->kind);
    if (crash) {
      if (again->kind == CrashKind::kMachine) crash->kind = CrashKind::kMachine;
      crash->unsynced.Add(more);
      crash->unsynced.See(server_.disk());
    }
    at_us += kMsUs;
    started = Boot(server_.disk(), at_us);
  }
  if (!unsupported_.empty()) return;
  server_.disk().CrashAt(0);
  if (!started && faults_) {
    // Somebody repairs the disk, and starts the server again.
    NoteFaults();
    server_.disk().Heal();
    started = Boot(server_.disk(), at_us + kMsUs);
    if (!unsupported_.empty()) return;
  }
  NoteFaults();
  if (!started) return Refused(crash ? std::optional(crash->kind) : std::nullopt, run);
  if (!crash) return ForgetHistory();
  // What was read wrong is not what the files hold.
  const bool misread = judge_.damaged();
  Judge(crash->kind, crash->at_ms, crash->unsynced, run);
  if (misread) judge_.Damaged();
}

void LiveDurability::Refused(std::optional<CrashKind> kind, RunContext& run) {
  counts_.Refused(server_.reason());
  if (!run.Check(!server_.why().empty(), "refusal_says_why", "a line in the log", "nothing"))
    return;
  const bool excused =
      FaultsActed() || (kind == CrashKind::kMachine && config_.level != CrashLevel::kPrefix);
  if (!run.Check(
          excused, "restarts",
          [&] {
            return "the server starts " +
                   (kind ? "after a " + std::string(KindName(*kind)) : "on an empty disk");
          },
          [this] { return server_.why(); })) {
    return;
  }
  counts_.Excused();
  StartOver(run);
}

bool LiveDurability::ReadInto(Server* server, RunContext& run) {
  if (!server_.Read(&keys_)) {
    EndTurn(false, run);
    return false;
  }
  const std::string why = LoadAt(keys_, server_.now_ms(), server);
  if (!why.empty()) unsupported_ = "the core cannot take a value of the server's: " + why;
  return why.empty();
}

bool LiveDurability::Adopt(RunContext& run) {
  if (!server_.Read(&keys_)) {
    EndTurn(false, run);
    return false;
  }
  model_->set_watcher(nullptr);
  const std::string why = Load(keys_, model_.get());
  if (!why.empty()) unsupported_ = "the core cannot take a value of the server's: " + why;
  ConnectModel();
  for (size_t client = 0; client < kClients; ++client) server_.Disconnect(client);
  version_ = history_.Reload();
  model_->set_watcher(&history_);
  return why.empty();
}

void LiveDurability::Judge(CrashKind kind, int64_t crashed_ms, const Unsynced& unsynced,
                           RunContext& run) {
  if (!ReadInto(spare_.get(), run)) return;
  const DurabilityCrash crash = CrashOf(kind, crashed_ms);
  const DurabilityVerdict verdict = ruling_.Rule(crash, spare_->keyspace());
  if (!IsBroken(verdict.result)) {
    if (run.trace().on()) {
      run.trace().Line("  recovered version " + std::to_string(verdict.recovered) + " of " +
                       std::to_string(history_.version()));
    }
    model_->Advance(static_cast<uint64_t>(server_.now_ms()) - model_->now_ms());
    if (!Adopt(run)) return;
    judge_.Restart(crash, verdict.recovered, version_);
    return;
  }
  if (ruling_.Excuses(verdict, kind, config_.level, unsynced, spare_->keyspace())) {
    counts_.Excused();
    return StartOver(run);
  }
  const Violation violation = ruling_.Explain(verdict, spare_->keyspace());
  run.Fail(violation.invariant, violation.expected, violation.seen);
}

void LiveDurability::Probe(const Disk& disk, const DiskCall& call) {
  // The core has run the request that the server works on.
  if (!probes_.IsNew(disk, history_.Commit())) return;
  Settings settings = settings_;
  settings.appendonly = judge_.policy() != DurabilityPolicy::kSnapshots;
  probes_.Probe({.disk = &disk,
                 .call = &call,
                 .settings = settings.Words(),
                 .now_ms = server_.now_ms(),
                 .call_us = server_.call_us(),
                 .began = began_,
                 .disk_faults = faults_,
                 .op = op_,
                 // The call that has begun is counted already.
                 .calls_of_op = calls_of_op()});
  if (!probes_.unsupported().empty()) unsupported_ = probes_.unsupported();
}

}  // namespace resprobe::live
