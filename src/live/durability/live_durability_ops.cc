// The ops of a case on a real server. live_durability.cc has its processes and its crashes.

#include <charconv>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/reply_parser.h"
#include "core/resp/writer.h"
#include "core/table/command.h"
#include "core/table/table.h"
#include "live/durability/live_durability.h"

namespace resprobe::live {
namespace {

constexpr int64_t kWindowMs = 2000;
// redis retries a snapshot after 5 s, and its timer runs ten times a second.
constexpr int64_t kHealMs = 6200;

// An error's code is in capital letters; other replies that begin so are numbers.
bool IsError(std::string_view reply) {
  return reply.size() > 1 && reply[0] == '-' && reply[1] >= 'A' && reply[1] <= 'Z';
}

}  // namespace

void LiveDurability::Apply(const World::Call& op, RunContext& run) {
  if (!EnsureStarted(run)) return;
  if (op.args.words.empty()) return;
  const Command* const command = FindCommand(op.args.words[0], profile_);
  // What it does cannot be said before.
  if (command != nullptr && command->Has(kWrite) && command->Has(kRandomOutput)) return;
  Send(op.client.Of(kClients), op.args.words, run);
}

std::string LiveDurability::Send(size_t client, std::span<const std::string_view> words,
                                 RunContext& run) {
  Align();
  request_.clear();
  resp::AppendRequest(&request_, words);
  if (run.trace().on()) run.trace().Data("  ->", request_);
  uint64_t& model_client = model_clients_[client];
  // The core has no account of its memory.
  std::span<const std::string_view> instead = words;
  const Client* const before = model_->FindClient(model_client);
  const bool refused = memory_ == MemoryPolicy::kNoEviction && NeedsMemory(before, words, profile_);
  if (refused) instead = InPlaceOfRefused(before, words, profile_);
  request_.clear();
  if (!instead.empty()) resp::AppendRequest(&request_, instead);
  model_->Receive(model_client, request_);
  std::string expected;
  resp::ReplyParser parser;
  const std::string& output = model_->Output(model_client);
  if (parser.Parse(output).status == resp::ReplyParser::Status::kValue) {
    expected = sandbox::SandboxClient::TextOf(parser.reply().root());
  }
  const bool waits = output.empty() && !refused;
  if (refused) expected = "-" + std::string(kOutOfMemory);
  const Client* const state = model_->FindClient(model_client);
  const bool queues = state != nullptr && state->multi;
  for (const uint64_t each : model_clients_) model_->Output(each).clear();
  history_.Commit();
  const std::optional<std::string> reply =
      waits ? server_.Ask(client, words, 0) : server_.Ask(client, words);
  const std::string text = reply.value_or("no reply");
  if (text.starts_with("-OOM") && memory_ != MemoryPolicy::kEnough) {
    counts_.Fired(kMemoryRefusal);
    counts_.RefusedWrite();
  } else if (text.starts_with("-MISCONF")) {
    counts_.RefusedWrite();
  } else if (IsUnsuited(text))
    unsupported_ = "with these settings it answers " + text;
  if (run.trace().on() && reply) run.trace().Data("  <-", *reply);
  const uint64_t life = life_;
  // What was refused was not written.
  EndTurn(reply.has_value() && (IsError(expected) || !IsError(text)), run);
  if (Stopped(run) || life_ != life) return text;
  if (!reply || !model_->IsOpen(model_client)) {
    // A client that waits, perhaps for ever, gives up.
    Reconnect(client);
    if (reply.has_value() == !waits) return text;
  } else if (*reply == expected || (IsError(*reply) && IsError(expected))) {
    return text;
  } else if (queues) {
    // The server has refused a command of a transaction: it is given up.
    Reconnect(client);
    return text;
  }
  ++counts_.adopted;
  if (run.trace().on()) run.trace().Line("  unlike the core's reply: " + expected);
  Adopt(run);
  return text;
}

void LiveDurability::Apply(const World::Advance& op, RunContext& run) {
  if (EnsureStarted(run)) Pass(op.ms.value, run);
}

void LiveDurability::Apply(const World::Save& op, RunContext& run) {
  if (!EnsureStarted(run)) return;
  switch (op.kind) {
    case SaveKind::kBgSave:
      Ask({"BGSAVE"}, run);
      break;
    case SaveKind::kSave:
    case SaveKind::kShutdown:
      // Both may save before the turn has ended.
      if (op.kind == SaveKind::kShutdown || !saving_) judge_.SnapshotBegins(history_.version());
      shuts_down_ |= op.kind == SaveKind::kShutdown;
      if (op.kind == SaveKind::kSave) {
        const uint32_t version = history_.version();
        const uint64_t life = life_;
        saves_itself_ = true;
        const std::optional<std::string> reply = Ask({"SAVE"}, run);
        saves_itself_ = false;
        if (reply == "OK" && !Stopped(run) && life_ == life) judge_.SnapshotEnds(version);
      } else {
        Ask({"SHUTDOWN"}, run);
      }
      break;
    case SaveKind::kRewrite:
      Ask({"BGREWRITEAOF"}, run);
      break;
  }
}

void LiveDurability::Apply(const World::Policy& op, RunContext& run) {
  if (!EnsureStarted(run)) return;
  const auto set = [&](std::string_view setting, std::string_view value) {
    const uint64_t life = life_;
    if (setting == "appendonly" && value == "yes" && !settings_.appendonly) {
      waits_for_rewrite_ = true;
    }
    const std::optional<std::string> reply = Ask({"CONFIG", "SET", setting, value}, run);
    return reply == "OK" && life_ == life;
  };
  switch (op.change) {
    case PolicyChange::kAlways:
      if (set("appendfsync", "always")) settings_.appendfsync = "always";
      break;
    case PolicyChange::kEverySecond:
      if (set("appendfsync", "everysec")) settings_.appendfsync = "everysec";
      break;
    case PolicyChange::kNo:
      if (set("appendfsync", "no")) settings_.appendfsync = "no";
      break;
    case PolicyChange::kLogOn:
      if (set("appendonly", "yes")) settings_.appendonly = true;
      break;
    case PolicyChange::kLogOff:
      if (set("appendonly", "no")) {
        settings_.appendonly = false;
        waits_for_rewrite_ = false;
      }
      break;
    case PolicyChange::kHoldOnRewrite:
    case PolicyChange::kNoHold: {
      const bool hold = op.change == PolicyChange::kHoldOnRewrite;
      if (set("no-appendfsync-on-rewrite", hold ? "yes" : "no")) settings_.hold = hold;
      break;
    }
    case PolicyChange::kSaveOften:
    case PolicyChange::kSaveNever: {
      const std::string_view save = op.change == PolicyChange::kSaveOften ? "1 1" : "";
      if (set("save", save)) settings_.save = save;
      break;
    }
    case PolicyChange::kRdbBase:
    case PolicyChange::kAofBase: {
      const bool rdb = op.change == PolicyChange::kRdbBase;
      if (set("aof-use-rdb-preamble", rdb ? "yes" : "no")) settings_.rdb_base = rdb;
      break;
    }
  }
}

void LiveDurability::Apply(const World::Fault& op, RunContext&) {
  const DiskFault fault = World::FaultOf(op, disk().io_count());
  disk().Inject(fault);
  faults_ = true;
  if (op.kind == DiskFaultKind::kSyncFails) {
    reverts_ |= fault.values[0] == static_cast<int64_t>(SyncFailure::kRevert);
  }
}

void LiveDurability::Apply(const World::Heal&, RunContext&) { disk().Heal(); }

void LiveDurability::Apply(const World::Kill& op, RunContext& run) {
  Arm(CrashKind::kProcess, op.after.value, {}, run);
}

void LiveDurability::Apply(const World::PowerLoss& op, RunContext& run) {
  Arm(CrashKind::kMachine, op.after.value, op.choices.words, run);
}

void LiveDurability::Apply(const World::CrashInWrite& op, RunContext& run) {
  if (!EnsureStarted(run)) return;
  choices_.Reset(op.choices.words);
  armed_ = op.power ? CrashKind::kMachine : CrashKind::kProcess;
  in_write_ = true;
  server_.disk().CrashInWrite(uint64_t{op.after.value} + 1, op.part.value);
}

void LiveDurability::Apply(const World::Drop& op, RunContext& run) {
  if (!EnsureStarted(run)) return;
  const std::span<const std::string_view> words = op.args.words;
  const Command* const command = words.empty() ? nullptr : FindCommand(words[0], profile_);
  if (command == nullptr || (command->Has(kWrite) && command->Has(kRandomOutput))) return;
  const size_t client = op.client.Of(kClients);
  const bool whole = op.cut != Cut::kInRequest;
  Align();
  const uint64_t life = life_;
  if (!ReadInto(spare_.get(), run)) return;
  const uint64_t before = spare_->keyspace().Digest();
  const int64_t before_ms = server_.now_ms();
  const Client* const state = model_->FindClient(model_clients_[client]);
  const bool runs =
      whole && !(memory_ == MemoryPolicy::kNoEviction && NeedsMemory(state, words, profile_));
  if (runs) {
    request_.clear();
    resp::AppendRequest(&request_, words);
    model_->Receive(model_clients_[client], request_);
    for (const uint64_t each : model_clients_) model_->Output(each).clear();
    history_.Commit();
  }
  if (run.trace().on()) {
    request_.clear();
    resp::AppendRequest(&request_, words);
    run.trace().Data("  cut", request_);
  }
  constexpr uint8_t kMost = UINT8_MAX - 1;  // not all of it
  const bool replied = server_.SendAndCut(
      client, words, whole ? UINT8_MAX : std::min(op.at.value, kMost), op.cut == Cut::kInReply);
  counts_.Fired(op.cut == Cut::kInReply && replied ? kReplyCut : kRequestCut);
  Reconnect(client);
  EndTurn(/*wrote=*/false, run);  // nothing was acknowledged
  if (Stopped(run) || life_ != life) return;
  if (!ReadInto(spare_.get(), run)) return;
  const uint64_t after = spare_->keyspace().Digest();
  if (after == model_->keyspace().Digest()) return;
  // Keys expire as time passes, and are evicted.
  const bool same =
      after == before || server_.now_ms() != before_ms || memory_ > MemoryPolicy::kNoEviction;
  if (!run.Check(whole || same, "cut_request", "nothing has changed", [&] {
        return "a part of a request has changed the data: " +
               history_.Difference(spare_->keyspace(), history_.version());
      })) {
    return;
  }
  // It was not served, or what it does cannot be said before.
  ++counts_.adopted;
  Adopt(run);
}

void LiveDurability::Apply(const World::Memory& op, RunContext& run) {
  if (!EnsureStarted(run)) return;
  const uint64_t life = life_;
  if (memory_ > MemoryPolicy::kNoEviction) {
    EndPressure(run);
    if (Stopped(run) || life_ != life) return;
  }
  if (op.policy == MemoryPolicy::kEnough) {
    if (memory_ != op.policy) Ask({"CONFIG", "SET", "maxmemory", "0"}, run, op.policy);
    return;
  }
  const std::string_view policy = kMemoryPolicyNames[static_cast<size_t>(op.policy)];
  Ask({"CONFIG", "SET", "maxmemory-policy", policy}, run);
  if (Stopped(run) || life_ != life) return;
  std::string most = "1";
  if (op.policy != MemoryPolicy::kNoEviction) {
    if (!server_.Update("memory")) return EndTurn(false, run);
    const std::string_view used = server_.Info("used_memory");
    uint64_t bytes = 0;
    std::from_chars(used.data(), used.data() + used.size(), bytes);
    // The answer to the question for its memory takes some of that.
    constexpr uint64_t kAnswer = 8 << 10;
    constexpr uint64_t kRoom = 512;
    most = std::to_string(bytes - std::min(bytes - 1, kAnswer) + kRoom * op.room.value);
    ruling_.EvictionsBegin();
  }
  Ask({"CONFIG", "SET", "maxmemory", most}, run, op.policy);
}

// The disk heals, and so must the server; then everything that it has acknowledged is durable.
void LiveDurability::Settle(RunContext& run) {
  if (!EnsureStarted(run)) return;
  server_.disk().Heal();
  start_crash_.reset();
  if (memory_ != MemoryPolicy::kEnough) {
    Apply(World::Memory{.policy = MemoryPolicy::kEnough, .room = {}}, run);
    if (Stopped(run)) return;
  }
  // A crash that is armed may still come.
  Pass(3 * kHealMs, run);
  if (Stopped(run)) return;
  const auto set = [&] {
    server_.Disconnect(0);
    ConnectModel();
    server_.Disconnect(1);
    constexpr std::string_view kWords[] = {"SET", "healed", "1"};
    std::string reply = Send(0, kWords, run);
    // An fsync may report an older failure: the server has exited, and started again.
    if (reply == "no reply" && !Stopped(run)) reply = Send(0, kWords, run);
    return reply;
  };
  std::string reply = set();
  if (Stopped(run)) return;
  // Three states in which both servers remain until somebody helps them
  // (docs/findings/aof-fsync-error-for-ever.md, aof-error-without-buffer.md,
  // misconf-without-changes.md).
  for (int help = 0; help < 2 && faults_ && reply.starts_with("-MISCONF") && !Stopped(run);
       ++help) {
    if (reply.starts_with("-MISCONF Errors writing to the AOF")) {
      Ask({"CONFIG", "SET", "appendonly", "no"}, run);
      if (!Stopped(run)) Ask({"CONFIG", "SET", "appendonly", "yes"}, run);
    } else {
      Ask({"BGSAVE"}, run);
    }
    if (!Stopped(run)) Pass(kHealMs, run);
    if (!Stopped(run)) reply = set();
  }
  if (Stopped(run)) return;
  if (!run.Check(reply == "OK", "heals", "OK, for the disk has healed",
                 [&] { return std::string(NameOf(DurabilityResult::kStuck)) + ": " + reply; })) {
    counts_.Recovered(DurabilityOutcome::kStuck);
    return;
  }
  Pass(2 * kWindowMs, run);
  if (Stopped(run)) return;
  armed_.reset();
  server_.disk().CrashAt(0);
  Arm(ends_with_, 0, {}, run);
  if (Stopped(run)) return;
  const uint64_t loaded = model_->keyspace().Digest();
  Arm(CrashKind::kProcess, 0, {}, run);
  if (Stopped(run)) return;
  if (!run.Check(model_->keyspace().Digest() == loaded, "loads_twice", "the same keyspace", [] {
        return std::string(NameOf(DurabilityResult::kPoisoned)) + ": another one";
      })) {
    counts_.Recovered(DurabilityOutcome::kPoisoned);
  }
}

}  // namespace resprobe::live
