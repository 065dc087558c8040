#include "worlds/command/command_world.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "core/resp/writer.h"
#include "core/server/server.h"
#include "engine/fields.h"
#include "sim/core_subject.h"
#include "worlds/command/command_generate.h"

namespace resprobe {
namespace {

resp::RequestLimits LimitsOf(const Server* core) {
  resp::RequestLimits limits;
  if (core != nullptr) limits.max_bulk = core->config().max_bulk;
  return limits;
}

// True if a reply is what a missing key gives: empty, zero or nil.
bool ShowsNothing(const resp::ReplyView& value) {
  using resp::Type;
  switch (value.type()) {
    case Type::kNull:
    case Type::kSimpleError:
    case Type::kBulkError:
      return true;
    case Type::kInteger:
      return value.integer() <= 0;
    case Type::kSimpleString:
      return value.text() == "none";
    case Type::kBulkString:
      return value.text().empty() || value.text() == "0";  // a cursor
    default:
      if (!value.is_aggregate()) return false;
      return std::all_of(value.begin(), value.end(), ShowsNothing);
  }
}

// What a command does to the state that the world tracks.
enum class Effect : uint8_t {
  kNone,
  kWatches,
  kUnwatches,
  kRunsWatched,    // EXEC
  kOtherDatabase,  // may access another database than the first
  kNamesAKey,      // a key that is not an argument
};

Effect EffectOf(const Command& command) {
  switch (command.role) {
    case CommandRole::kWatch:
      return Effect::kWatches;
    case CommandRole::kUnwatch:
    case CommandRole::kDiscard:
    case CommandRole::kReset:
      return Effect::kUnwatches;
    case CommandRole::kExec:
      return Effect::kRunsWatched;
    default:
      return command.HasTrait(kOtherDatabase) ? Effect::kOtherDatabase
             : command.HasTrait(kShowsKeys)   ? Effect::kNamesAKey
                                              : Effect::kNone;
  }
}

// True if a command adds to the watched keys, or ends watching.
bool ChangesWatches(const Command& command) {
  const Effect effect = EffectOf(command);
  return effect >= Effect::kWatches && effect <= Effect::kRunsWatched;
}

}  // namespace

CommandWorld::CommandWorld(ServerSubject* subject)
    : own_(subject != nullptr ? nullptr
                              : std::make_unique<CoreSubject>(ServerConfig{.max_bulk = kMaxBulk})),
      subject_(subject != nullptr ? subject : own_.get()),
      core_(subject_->core()),
      lcs_(FindCommand("lcs")),
      watches_(core_ == nullptr ? nullptr : &core_->keyspace()) {
  static_assert(kMaxClients == WatchBook::kClients);
  for (size_t i = 0; i <= kMaxClients; ++i) {
    peers_.push_back(std::make_unique<Peer>(i, LimitsOf(core_)));
    peers_.back()->model.set_foreign(core_ == nullptr);
  }
  if (core_ != nullptr) core_->set_watcher(&watches_);
}

CommandWorld::~CommandWorld() {
  if (core_ != nullptr) core_->set_watcher(nullptr);
}

void CommandWorld::Start(const Config& config, RunContext& run) {
  config_ = config;
  clients_ = 1 + config.clients.Of(kMaxClients);
  databases_used_ = 1;
  killing_ = asking_ = paused_ = unblocking_ = false;
  watches_.Reset();
  question_count_ = 0;
  for (const auto& peer : peers_) peer->model.Reset();
  scheduler_.Reset();
  network_.Reset(kServer + 1 + kMaxClients + 1);
  node_.Reset(&scheduler_, &network_, kServer, subject_);
  node_.Start();
  for (size_t i = 0; i < clients_; ++i) Open(*peers_[i]);
  for (size_t i = 0; i < clients_; ++i) {
    Peer& peer = *peers_[i];
    if ((config.protocol3.value >> i & 1) != 0 && !run.violated()) {
      constexpr std::string_view kHello[] = {"HELLO", "3"};
      SendOne(peer, kHello, "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n", run);
    }
  }
}

void CommandWorld::Open(Peer& peer) {
  killing_ |= peer.model.kills();
  // Each client's endpoint follows those of the clients before it.
  peer.end = network_.Connect(static_cast<Network::Endpoint>(kServer + 1 + peer.index), kServer);
  node_.Accept(ServersEnd(peer));
  peer.connection = node_.ConnectionOf(ServersEnd(peer));
  peer.requests.Reset();
  peer.nonsense = false;
  peer.replies.Reset();
  peer.model.Reset();
  if (peer.index < kMaxClients) watches_.Unwatch(peer.index);
  peer.has_sent = false;
  peer.least_ms = peer.most_ms = 0;
}

void CommandWorld::Hangup(Peer& peer) {
  node_.Close(ServersEnd(peer));
  network_.Close(peer.end);
}

// Reconnects a client whose connection is closed, or whose stream is opaque.
CommandWorld::Peer& CommandWorld::Use(Index client, RunContext& run) {
  Peer& peer = *peers_[client.Of(clients_)];
  if (peer.model.opaque() || !subject_->IsOpen(peer.connection)) [[unlikely]] {
    if (run.trace().on()) run.trace().Line("  connects again");
    Hangup(peer);
    Open(peer);
  }
  return peer;
}

// A foreign server may have more commands, which do anything: end it, or never answer (SYNC).
bool CommandWorld::MayBeSent(const Args& args) const {
  return !args.words.empty() &&
         (subject_->core() != nullptr || ReplyModel::Find(args.words) != nullptr);
}

void CommandWorld::Apply(const Call& op, RunContext& run) {
  if (!MayBeSent(op.args)) return;
  Peer& peer = Use(op.client, run);
  ByteStream& unsent = Unsent(peer);
  const bool alone = unsent.in_flight() == 0 && peer.requests.idle() &&
                     peer.requests.skipped() == 0 && !peer.nonsense;
  resp::AppendRequest(unsent.buffer(), op.args.words);
  // Send what the parser would refuse in the ordinary way.
  const auto too_long = [](std::string_view word) { return word.size() > size_t{kMaxBulk}; };
  if (alone && std::none_of(op.args.words.begin(), op.args.words.end(), too_long)) {
    SendOne(peer, op.args.words, TakeUnsent(peer), run);
  } else {
    Send(peer, TakeUnsent(peer), run);
  }
}

void CommandWorld::Apply(const Queue& op, RunContext& run) {
  if (!MayBeSent(op.args)) return;
  resp::AppendRequest(Unsent(Use(op.client, run)).buffer(), op.args.words);
}

void CommandWorld::Apply(const Deliver& op, RunContext& run) {
  Peer& peer = Use(op.client, run);
  const size_t waiting = Unsent(peer).in_flight();
  if (waiting > 0) Send(peer, TakeUnsent(peer, op.bytes.UpTo(waiting)), run);
}

void CommandWorld::Apply(const Raw& op, RunContext& run) {
  Unsent(Use(op.client, run)).Put(op.bytes.bytes);
}

void CommandWorld::Apply(const Advance& op, RunContext& run) {
  scheduler_.RunUntil(scheduler_.now_us() + int64_t{op.ms.value} * 1000);
  node_.Tick();
  EndPause();
  for (size_t i = 0; i < clients_ && !run.violated(); ++i) {
    Collect(*peers_[i], run);
    if (peers_[i]->model.outstanding() > 0 && !run.violated()) CheckAnswered(*peers_[i], run);
    if (peers_[i]->most_ms != 0 && !run.violated()) CheckTimeout(*peers_[i], run);
  }
  if (config_.audit && core_ != nullptr) CheckText(core_->keyspace().CheckIntegrity(), run);
}

void CommandWorld::Apply(const Reconnect& op, RunContext&) {
  Peer& peer = *peers_[op.client.Of(clients_)];
  Hangup(peer);
  Open(peer);
}

void CommandWorld::Send(Peer& peer, std::string_view bytes, RunContext& run) {
  using Status = resp::RequestParser::Status;
  std::string_view rest = bytes;  // not yet parsed by the world
  std::string_view wire = bytes;  // not yet sent
  size_t asked = 0;
  while (!peer.nonsense && !rest.empty()) {
    const resp::RequestParser::Result result = peer.requests.Parse(rest);
    if (result.status == Status::kNeedMore) break;
    peer.model.AskedNothing(peer.requests.skipped());
    if (result.status == Status::kError) {
      peer.nonsense = true;
      peer.model.AskedNonsense(!peer.requests.error().text.empty());
      break;
    }
    rest.remove_prefix(result.consumed);
    const std::span<const std::string_view> args = peer.requests.args();
    if (config_.audit || (asked == 0 && rest.empty())) {
      const std::string_view one = wire.substr(0, wire.size() - rest.size());
      wire = rest;
      SendOne(peer, args, one, run);
      if (run.violated() || peer.model.opaque() || !subject_->IsOpen(peer.connection)) return;
    } else {
      const Command* command = ReplyModel::Find(args);
      peer.model.Asked(command, args);
      if (command != nullptr && ChangesWatches(*command)) watches_.Lose(peer.index);
      peer.least_ms = peer.most_ms = 0;
      ++asked;
    }
  }
  if (wire.empty()) return;
  Exchange(peer, wire, run);
  if (config_.audit && core_ != nullptr) CheckText(core_->keyspace().CheckIntegrity(), run);
}

void CommandWorld::SendOne(Peer& peer, std::span<const std::string_view> args,
                           std::string_view wire, RunContext& run) {
  const Command* command = ReplyModel::Find(args);
  peer.model.Asked(command, args);
  if (core_ != nullptr) Look(peer, command, args);
  answered_ = refused_ = false;
  Exchange(peer, wire, run);
  if (run.violated()) return;
  if (peer.model.outstanding() > 0) [[unlikely]] {
    // It runs later.
    if (command != nullptr && ChangesWatches(*command)) watches_.Lose(peer.index);
    if (core_ != nullptr) NoteTimeout(peer, args);
    return;
  }
  if (core_ != nullptr) Compare(peer, args, run);
}

void CommandWorld::Exchange(Peer& peer, std::string_view wire, RunContext& run) {
  if (run.trace().on()) [[unlikely]]
    run.trace().Data("  > ", wire);
  peer.has_sent = true;
  node_.Deliver(ServersEnd(peer), wire);
  paused_ |= peer.model.pauses() && core_ == nullptr;
  unblocking_ |= peer.model.pauses() || peer.model.unblocks();
  EndPause();
  if (peer.model.blinds()) [[unlikely]] {
    for (const auto& other : peers_) other->model.GiveUp();
  }
  Collect(peer, run);
  if (run.violated()) return;
  if (peer.model.outstanding() > 0) CheckAnswered(peer, run);
  if (run.violated()) return;
  // The world's own requests come last, and nothing is sent to the other clients in between: check
  // them at once.
  if (clients_ > 1 && !asking_) CollectOthers(peer, run);
}

// A paused server shows nothing: end the pause, so that pending requests run, one of which may
// pause it again. The pause may have been requested long before, after a command that blocked.
void CommandWorld::EndPause() {
  while (core_ != nullptr && core_->paused()) core_->EndPause();
}

// Requests of the client have no reply yet. This is allowed if the first of them is waiting for a
// key or for time to pass.
void CommandWorld::CheckAnswered(const Peer& peer, RunContext& run) {
  if (peer.model.opaque() || paused_) return;
  if (peer.model.may_wait()) {
    if (core_ == nullptr) return;
    const Client* client = core_->FindClient(peer.connection);
    if (client == nullptr || client->blocked) return;
  }
  run.Fail("one_reply_per_request", "a reply to " + std::string(peer.model.front_name()),
           "none, and " + std::to_string(peer.model.outstanding()) + " requests wait");
}

// The last request of the client waits: notes when its time-out is over, by its arguments.
void CommandWorld::NoteTimeout(Peer& peer, std::span<const std::string_view> args) {
  peer.least_ms = peer.most_ms = 0;
  const Client* const client = core_->FindClient(peer.connection);
  if (client == nullptr || !client->blocked || peer.model.outstanding() != 1) return;
  const std::string_view name = before_.command->name();
  const bool milliseconds = name.starts_with("wait");
  const size_t at = name == "wait"                         ? 2
                    : name == "waitaof"                    ? 3
                    : name == "blmpop" || name == "bzmpop" ? 1
                                                           : args.size() - 1;
  const long double timeout =
      std::strtold(std::string(args[at]).c_str(), nullptr) * (milliseconds ? 1 : 1000);
  // What is too large never comes.
  constexpr long double kMost = 1e15L;
  if (!(timeout > 0 && timeout < kMost)) return;
  const int64_t now = core_->keyspace().now_ms();
  peer.least_ms = now + static_cast<int64_t>(std::floor(timeout));
  peer.most_ms = now + static_cast<int64_t>(std::ceil(timeout));
}

// Time has passed.
void CommandWorld::CheckTimeout(const Peer& peer, RunContext& run) {
  const Client* const client = core_->FindClient(peer.connection);
  if (client == nullptr || peer.model.opaque() || unblocking_) return;
  run.Check(
      !client->blocked || core_->keyspace().now_ms() < peer.most_ms, "timeouts_are_kept",
      [&] { return "a reply to " + std::string(peer.model.front_name()); },
      [&] {
        return "none " + std::to_string(core_->keyspace().now_ms() - peer.most_ms) +
               " ms after its time-out";
      });
}

// Reads what the server has sent to one client, value by value. Usually there is nothing.
void CommandWorld::Collect(Peer& peer, RunContext& run) {
  const bool received = !node_.Collect(ServersEnd(peer)).empty();
  const bool open = subject_->IsOpen(peer.connection);
  if (received) {
    CollectReplies(peer, open, run);
  } else if (peer.model.outstanding() > 0) {
    peer.model.Prepare(false);
  }
  if (!open && !run.violated()) [[unlikely]]
    CollectClosed(peer, run);
}

void CommandWorld::CollectReplies(Peer& peer, bool open, RunContext& run) {
  std::string_view rest = network_.Take(peer.end, SIZE_MAX);
  if (run.trace().on()) [[unlikely]]
    run.trace().Data("  < ", rest);
  ReplyModel& model = peer.model;
  model.Prepare(true);
  while (!rest.empty() && !model.opaque()) {
    const resp::ReplyParser::Result result = peer.replies.Parse(rest);
    if (result.status != resp::ReplyParser::Status::kValue) [[unlikely]] {
      // A transaction in which a client closes itself (CLIENT KILL) breaks off, on a real server
      // too.
      if (result.status == resp::ReplyParser::Status::kNeedMore && !open && model.kills()) break;
      std::string seen = result.status == resp::ReplyParser::Status::kError
                             ? peer.replies.error().message() + ": "
                             : "a value that breaks off: ";
      resp::AppendEscaped(&seen, rest);
      run.Fail("well_formed", "RESP, whole values", seen);
      break;
    }
    rest.remove_prefix(result.consumed);
    const resp::ReplyView value = peer.replies.reply().root();
    const size_t owed = model.outstanding();
    const std::string_view name = model.front_name();
    if (!model.Take(value)) [[unlikely]] {
      run.Fail(model.problem().invariant, model.problem().expected,
               resp::ToText(value) + ", in the place of a reply to " + std::string(name));
      break;
    }
    if (model.outstanding() != owed) {
      answered_ = true;
      refused_ = model.refused();
      answer_null_ = value.is_null();
      if (peer.least_ms != 0) [[unlikely]] {
        const bool early = answer_null_ && core_->keyspace().now_ms() < peer.least_ms;
        if (early && !unblocking_) {
          run.Fail("timeouts_are_kept", "no null before the time-out of " + std::string(name),
                   std::to_string(peer.least_ms - core_->keyspace().now_ms()) + " ms before it");
          break;
        }
        peer.least_ms = peer.most_ms = 0;
      }
      answer_empty_ = before_.absent && ShowsNothing(value);
      if (asking_) {
        if (answer_count_ == answers_.size()) answers_.emplace_back();
        peer.replies.Take(&answers_[answer_count_++]);
      }
    }
    model.Prepare(!rest.empty());
  }
}

void CommandWorld::CollectClosed(Peer& peer, RunContext& run) {
  killing_ |= std::any_of(peers_.begin(), peers_.end(),
                          [](const auto& other) { return other->model.kills(); });
  run.Check(peer.model.may_close() || peer.model.opaque() || killing_, "connection_stays_open",
            "an open connection", "the server has closed it");
  peer.model.Closed();
}

// True if the core has no output for the client and owes it none: the result of Collect(), without
// its cost.
bool CommandWorld::Silent(const Peer& peer) const {
  if (own_ == nullptr || peer.model.outstanding() > 0) return false;
  const Client* client = core_->FindClient(peer.connection);
  return client != nullptr && client->open && client->output.empty();
}

// Output for the other clients is unsolicited.
void CommandWorld::CollectOthers(const Peer& sender, RunContext& run) {
  const bool answered = answered_;
  const bool refused = refused_;
  const bool answer_null = answer_null_;
  const bool answer_empty = answer_empty_;
  for (size_t i = 0; i < clients_ && !run.violated(); ++i) {
    Peer& peer = *peers_[i];
    if (&peer == &sender || Silent(peer)) continue;
    Collect(peer, run);
    if (peer.model.outstanding() > 0 && !run.violated()) CheckAnswered(peer, run);
  }
  answered_ = answered;
  refused_ = refused;
  answer_null_ = answer_null;
  answer_empty_ = answer_empty;
}

void CommandWorld::Look(const Peer& peer, const Command* command,
                        std::span<const std::string_view> args) {
  Keyspace& keyspace = core_->keyspace();
  before_.command = command;
  before_.dirty = keyspace.dirty();
  before_.absent = false;
  before_.verdict = WatchBook::Verdict::kUnknown;
  watches_.StartRequest();
  before_.in_multi = peer.model.in_multi();
  before_.waiting = false;
  for (size_t i = 0; i < clients_ && clients_ > 1; ++i) {
    before_.waiting |= i != peer.index && peers_[i]->model.outstanding() > 0;
  }
  touched_count_ = 0;
  if (config_.audit) before_.digest = keyspace.Digest();
  const Client* client = core_->FindClient(peer.connection);
  if (client == nullptr || command == nullptr || !command->ArityFits(args.size())) return;
  if (command->is_exec) {
    before_.verdict = watches_.Of(peer.index);
    return;
  }
  if (command->spec->keys.kind == KeySpec::Kind::kNone) return;
  positions_.clear();
  if (!KeyPositions(*command, args, positions_)) return;
  // LCS of missing keys returns a map nevertheless.
  before_.absent =
      !positions_.empty() && command->Has(kReadonly) && !peer.model.in_multi() && command != lcs_;
  for (const int position : positions_) {
    const std::string_view key = args[static_cast<size_t>(position)];
    const Object* object = keyspace.Peek(client->db, key);
    if (object != nullptr) before_.absent = false;
    if (touched_count_ == kMaxTouched) continue;
    const uint64_t digest = command->Has(kWrite) ? keyspace.Digest(client->db, key) : 0;
    touched_[touched_count_++] = {client->db, key, digest,
                                  object != nullptr || keyspace.keys(client->db).Contains(key)};
  }
}

void CommandWorld::Compare(Peer& peer, std::span<const std::string_view> args, RunContext& run) {
  Keyspace& keyspace = core_->keyspace();
  const Command* command = before_.command;
  const bool changed =
      keyspace.dirty() != before_.dirty || (config_.audit && keyspace.Digest() != before_.digest);
  if (changed && answered_ && refused_) {
    const bool exec = command != nullptr && command->is_exec;
    run.Fail(exec ? "exec_all_or_nothing" : "error_changes_nothing", "no key changed",
             std::to_string(keyspace.dirty() - before_.dirty) + " changes");
    return;
  }
  if (command == nullptr) return;
  if (changed && command->Has(kReadonly)) {
    run.Fail("reading_changes_nothing", std::string(command->full_name()) + " changes no key",
             std::to_string(keyspace.dirty() - before_.dirty) + " changes");
    return;
  }
  if (command->Has(kWrite) && !before_.in_multi) {
    CheckReported(run);
    if (changed && !run.violated()) CheckEncodings(args, run);
  }
  if (config_.audit && keyspace.Digest() != before_.digest) {
    run.Check(
        watches_.ReportedAny(), "changes_are_reported",
        [&] { return std::string(command->full_name()) + " reports what it changes"; },
        "nothing reported");
  }
  if (run.violated()) return;
  if (before_.absent && answered_ && !answer_empty_) {
    run.Fail("expired_unseen",
             "a reply that shows nothing: no key that " + std::string(command->full_name()) +
                 " names exists",
             resp::ToText(peer.replies.reply().root()));
    return;
  }
  if (command->is_exec && before_.in_multi && answered_ &&
      before_.verdict == WatchBook::Verdict::kRuns && answer_null_) {
    run.Fail("exec_all_or_nothing", "replies: no watched key has changed", "null");
    return;
  }
  if (!refused_ && answered_) {
    if (command->is_exec && before_.verdict == WatchBook::Verdict::kAborts) {
      run.Fail("exec_all_or_nothing", "null: a watched key has changed", "the transaction ran");
      return;
    }
    const Effect effect = EffectOf(*command);
    if (effect == Effect::kWatches && !peer.model.in_multi()) {
      for (size_t i = 0; i < touched_count_; ++i) {
        watches_.Watch(peer.index, touched_[i].db, touched_[i].key);
      }
      // The server watches the others, too.
      if (positions_.size() > touched_count_) watches_.Lose(peer.index);
      return;
    }
    if (effect == Effect::kUnwatches) {
      if (!peer.model.in_multi()) watches_.Unwatch(peer.index);
    } else if (effect == Effect::kOtherDatabase) {
      databases_used_ |= 0xffff;
    } else if (effect == Effect::kNamesAKey && !answer_null_ &&
               peer.replies.reply().root().type() == resp::Type::kBulkString) {
      const Client* client = core_->FindClient(peer.connection);
      run.Check(client == nullptr ||
                    keyspace.Peek(client->db, peer.replies.reply().root().text()) != nullptr,
                "expired_unseen", "a key that exists",
                [&] { return resp::ToText(peer.replies.reply().root()); });
    }
  }
  if (command->is_exec &&
      (before_.in_multi || (answered_ && IsExecAbort(peer.replies.reply().root())))) {
    watches_.Unwatch(peer.index);
  }
  if (config_.audit) {
    CheckText(keyspace.CheckIntegrity(), run);
  } else if (changed) {
    CheckTouched(run);
  }
}

// Half of the seeds have only one client.
void CommandWorld::Generate(Gen& gen, Config& config) {
  VisitFields(config, gen);
  if (gen.rng().OneIn(3)) config.clients.value = 0;
}

// Depending on the seed, clients take turns at every request or hardly ever: this also covers what
// shows only after many requests of one client.
void CommandWorld::GenerateClient(Gen& gen, Index* client) {
  constexpr uint64_t kTurns = 0x30000;
  constexpr uint64_t kRarely[] = {1, 4, 16, 16};
  const uint64_t seed = gen.SwarmBits(kTurns);
  if (gen.rng().OneIn(kRarely[seed % 4])) return gen("client", *client);
  client->value = static_cast<uint8_t>(seed / 4 % 8);
}

void CommandWorld::Generate(Gen& gen, Call& op) {
  GenerateClient(gen, &op.client);
  op.args.words = GenerateCommand(gen);
}

void CommandWorld::Generate(Gen& gen, Queue& op) {
  GenerateClient(gen, &op.client);
  op.args.words = GenerateCommand(gen);
}

void CommandWorld::Generate(Gen& gen, Raw& op) {
  constexpr std::string_view kBytes[] = {
      "PING\r\n",
      "ECHO 'a b'\r\n",
      "SET s0 \"x\\x00y\"\r\n",
      "\r\n",
      "*0\r\n",
      "*-1\r\n",
      "*1\r\n$4\r\nPING\r\n",
      "*2\r\n$3\r\nGET\r\n$2\r\ns0\r\n",
      "*1\r\n",
      "$4\r\n",
      "*3\r\n$3\r\n",
      "*1\r\n$-1\r\n",
      "*99999999999\r\n",
      "*1\r\n$99999999\r\n",
      "GET \"\r\n",
      "INCR s1\n",
  };
  GenerateClient(gen, &op.client);
  op.bytes.bytes = gen.rng().OneIn(4) ? gen.ShortText() : gen.rng().Pick(kBytes);
}

void CommandWorld::Generate(Gen& gen, Advance& op) {
  constexpr uint32_t kSteps[] = {1, 2, 10, 99, 100, 101, 999, 1000, 1001, 2000, 5000, 86'400'000};
  op.ms.value =
      gen.rng().OneIn(3) ? static_cast<uint32_t>(gen.rng().Below(3000)) : gen.rng().Pick(kSteps);
}

}  // namespace resprobe
