#include "live/oracle/oracle.h"

#include <algorithm>
#include <chrono>
#include <variant>

#include "core/resp/writer.h"
#include "engine/quote.h"

namespace resprobe::live {
namespace {

// So many cases may have begun before all replies to the first have been compared, and before the
// server's log is read.
constexpr uint64_t kMostAhead = 64;
constexpr std::string_view kHello3 = "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n";

int64_t SystemMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

Oracle::Oracle(LiveServer* target, const OracleOptions& options)
    : target_(target),
      options_(options),
      core_(ServerConfig{.profile = options.profile,
                         .max_bulk = target->max_bulk(),
                         .active_expiry = !target->active_expiry_off()}) {
  resp::RequestLimits limits;
  limits.max_bulk = target->max_bulk();
  for (Peer& peer : peers_) {
    peer.requests.Reset(limits);
    peer.requests.set_blanks_keep_inline(TraitsOf(options.profile).blanks_keep_inline);
  }
}

bool Oracle::Prepare(std::string* error) {
  if (difference_ && difference_->fatal && target_->own() && !target_->Restart(error)) return false;
  difference_.reset();
  given_up_ = false;
  target_->NewReport();  // of what was before
  DropAll();
  out_of_range_ = false;  // to accept a connection sets errno
  UniqueFd fd = target_->Connect(error);
  if (!fd.valid()) return false;
  fence_.Use(std::move(fd), options_.hang_ms, target_->stop());
  // What a case that was broken off has left.
  if (settings_changed_ && !target_->most_tracked().empty() &&
      !Demand("CONFIG SET tracking-table-max-keys " + target_->most_tracked(), error)) {
    return false;
  }
  settings_changed_ = false;
  return Demand("FLUSHALL", error);
}

bool Oracle::Demand(const std::string& line, std::string* error) {
  fence_.out() = line + "\r\n";
  fence_.Send();
  std::string answer;
  while (!answer.ends_with('\n')) {
    if (fence_.Read(options_.hang_ms) != RespConnection::Got::kBytes) {
      *error = "the server does not answer " + line;
      return false;
    }
    answer += fence_.in();
    fence_.Take(fence_.in().size());
  }
  if (answer == "+OK\r\n") return true;
  while (answer.ends_with('\n') || answer.ends_with('\r')) answer.pop_back();
  *error = "the server refuses " + line + ": " + answer;
  return false;
}

std::optional<Difference> Oracle::Run(const Case<CommandWorld>& c) {
  RunAhead(c);
  return CatchUp();
}

std::optional<Difference> Oracle::RunAhead(const Case<CommandWorld>& c) {
  Begin(c.config);
  for (size_t i = 0; i < c.ops.size() && going(); ++i) {
    std::visit([&](const auto& op) { Step(op); }, c.ops[i]);
  }
  End();
  return difference_ || case_number_ - logged_ < kMostAhead ? difference_ : CatchUp();
}

void Oracle::Finish() {
  End();
  CatchUp();
}

void Oracle::End() {
  if (going()) Settle();
  if (!going()) Abort();
}

std::optional<Difference> Oracle::CatchUp() {
  if (!going()) return difference_;
  Peer& last = peers_[kControl];
  if (last.wire != nullptr) Flush(last);
  if (going()) CheckLog();
  if (going()) Retire();
  if (!going()) Abort();
  return difference_;
}

void Oracle::Begin(const CommandWorld::Config& config) {
  difference_.reset();
  ReleaseWire(peers_[kControl]);
  Retire();
  ++case_number_;
  op_ = 0;
  core_.Reset();
  const auto case_now = static_cast<int64_t>(core_.now_ms());
  const int64_t now = SystemMs() + target_->clock_ahead_ms();
  core_.Advance(static_cast<uint64_t>(std::max<int64_t>(now - case_now, 0)));
  times_.Reset(case_now, now);
  active_ = nullptr;
  state_ = all_databases_ = settings_changed_ = false;
  clients_ = 1 + config.clients.Of(kMaxClients);
  for (size_t i = 0; i < clients_; ++i) {
    Peer& peer = peers_[i];
    Open(peer);
    if ((config.protocol3.value >> i & 1) != 0) {
      core_.Receive(peer.core_id, kHello3);
      peer.greeting = std::exchange(core_.Output(peer.core_id), {});
    }
  }
  Open(peers_[kControl]);
}

void Oracle::Open(Peer& peer) {
  peer.core_id = core_.Connect();
  peer.wire = nullptr;
  peer.greeting.clear();
  peer.unsent.clear();
  peer.held.clear();
  peer.requests.Reset();
  peer.nonsense = false;
  peer.silent.clear();
  peer.deferred.clear();
  peer.unfenced = peer.lossy = peer.stays_open = peer.named = false;
}

// The client has something to say for the first time, or connects again.
void Oracle::TakeWire(Peer& peer) {
  // What owes is taken first: the case goes on where the one before has ended.
  const auto fitness = [](const Wire& wire) {
    return wire.taken ? 0 : wire.owes() ? 3 : wire.link.connected() ? 2 : 1;
  };
  Wire& wire = *std::max_element(wires_.begin(), wires_.end(), [&](const Wire& a, const Wire& b) {
    return fitness(a) < fitness(b);
  });
  wire.taken = true;
  peer.wire = &wire;
  if (!wire.link.connected()) Connect(&wire);
  if (!going() || peer.greeting.empty()) return;
  Asked& asked = NewAsked(peer, Asked::Part::kBetween);
  asked.command = FindCommand("hello");
  asked.args = {"HELLO", "3"};
  asked.protocol = 3;
  wire.link.out() += kHello3;
  wire.Owe(std::exchange(peer.greeting, {}), last_asked(), /*own=*/true);
}

void Oracle::ReleaseWire(Peer& peer) {
  if (peer.wire != nullptr) peer.wire->taken = false;
  peer.wire = nullptr;
}

void Oracle::Connect(Wire* wire) {
  std::string error;
  UniqueFd fd = target_->Connect(&error);
  if (!fd.valid()) return ServerFailed();
  wire->link.Use(std::move(fd), options_.hang_ms, target_->stop());
  wire->Clear();
  wire->server_id = 0;
  wire->unanswered = 0;
  wire->link.out() = "*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n";
}

// The client goes, once all that was sent is done.
void Oracle::HangUp(Peer& peer) {
  if (peer.wire != nullptr) {
    if (active_ != nullptr) Flush(*active_);
    active_ = nullptr;
    if (going() && !peer.wire->link.Close(options_.hang_ms)) ServerFailed();
    peer.wire->Clear();
    ReleaseWire(peer);
  }
  core_.Close(peer.core_id);
}

// A client whose connection is gone connects again.
Oracle::Peer& Oracle::Use(Index client) {
  Peer& peer = peers_[client.Of(clients_)];
  if (!core_.IsOpen(peer.core_id)) {
    HangUp(peer);
    Open(peer);
  }
  return peer;
}

void Oracle::Apply(const CommandWorld::Call& op) {
  if (op.args.words.empty()) return;
  Peer& peer = Use(op.client);
  resp::AppendRequest(&peer.unsent, op.args.words);
  Deliver(peer, std::exchange(peer.unsent, {}));
}

void Oracle::Apply(const CommandWorld::Queue& op) {
  if (!op.args.words.empty()) resp::AppendRequest(&Use(op.client).unsent, op.args.words);
}

void Oracle::Apply(const CommandWorld::Deliver& op) {
  Peer& peer = Use(op.client);
  if (peer.unsent.empty()) return;
  const size_t bytes = op.bytes.UpTo(peer.unsent.size());
  const std::string part = peer.unsent.substr(0, bytes);
  peer.unsent.erase(0, bytes);
  Deliver(peer, part);
}

void Oracle::Apply(const CommandWorld::Raw& op) { Use(op.client).unsent.append(op.bytes.bytes); }

void Oracle::Apply(const CommandWorld::Advance& op) { times_.Advance(op.ms.value); }

void Oracle::Apply(const CommandWorld::Reconnect& op) {
  Peer& peer = peers_[op.client.Of(clients_)];
  if (peer.wire != nullptr && LeavesNothing(peer) && Reset(peer)) {
    Wire* const wire = peer.wire;
    core_.Close(peer.core_id);
    Open(peer);
    peer.wire = wire;
    return;
  }
  HangUp(peer);
  Open(peer);
}

// Nobody but the client could tell its end from RESET, which takes no new connection.
bool Oracle::LeavesNothing(const Peer& peer) const {
  const Client* client = core_.FindClient(peer.core_id);
  if (client == nullptr || !client->open || peer.named || client->multi ||
      client->watched_count > 0 || client->blocked || client->subscription_count() > 0 ||
      client->tracking) {
    return false;
  }
  return std::none_of(peers_.begin(), peers_.end(), [&](const Peer& other) {
    const Client* redirecting = core_.FindClient(other.core_id);
    return redirecting != nullptr && redirecting->redirect == peer.core_id;
  });
}

// A server keeps what a client says while it waits, and reads it later; here that is said later.
bool Oracle::Waits(const Peer& peer) const {
  const Client* client = core_.FindClient(peer.core_id);
  return client != nullptr && client->blocked;
}

void Oracle::Deliver(Peer& peer, std::string_view bytes) {
  using Status = resp::RequestParser::Status;
  std::string all;
  if (!peer.deferred.empty()) {
    all = std::exchange(peer.deferred, {});
    all += bytes;
    bytes = all;
  }
  while (!bytes.empty() && going() && !peer.nonsense && core_.IsOpen(peer.core_id)) {
    if (Waits(peer)) {
      peer.deferred = bytes;
      return;
    }
    const resp::RequestParser::Result result = peer.requests.Parse(bytes);
    if (result.status == Status::kRequest) {
      const std::span<const std::string_view> words = peer.requests.args();
      std::vector<std::string> args(words.begin(), words.end());
      peer.held.append(bytes.substr(0, result.consumed));
      bytes.remove_prefix(result.consumed);
      Execute(peer, std::move(args), std::exchange(peer.held, {}));
      continue;
    }
    peer.held.append(bytes);
    if (result.status == Status::kError) {
      peer.nonsense = true;
      ExecuteNonsense(peer, std::exchange(peer.held, {}));
    }
    return;
  }
}

// The client's turn: the one before has got all that it is owed.
void Oracle::Turn(Peer& peer) {
  if (active_ == &peer) return;
  if (active_ != nullptr) Flush(*active_);
  active_ = &peer;
  if (going() && peer.wire == nullptr) TakeWire(peer);
}

Asked& Oracle::NewAsked(const Peer& peer, Asked::Part part) {
  Asked& asked = asked_.emplace_back();
  asked.part = part;
  asked.case_number = case_number_;
  asked.op = op_;
  asked.client = Number(peer);
  return asked;
}

void Oracle::Settle() {
  for (size_t i = 0; i < clients_ && going(); ++i) {
    Peer& peer = peers_[i];
    if (core_.IsOpen(peer.core_id)) Deliver(peer, std::exchange(peer.unsent, {}));
  }
  // Clients that these have served have more to say.
  for (size_t i = 0; i < clients_ && going(); ++i) {
    if (core_.IsOpen(peers_[i].core_id)) Deliver(peers_[i], {});
  }
  // The way back to the beginning: first of the client whose turn it is, then of the others at
  // once; then what is left, since no client may hear of that. If there is but one client, nobody
  // has to wait for anything.
  state_ = true;
  const Peer* const last = active_;
  std::array<bool, kMaxClients> drop = {};
  if (going() && active_ != nullptr) {
    drop[Number(*active_)] = !Reset(*active_);
    const bool alone = std::all_of(peers_.begin(), peers_.end(), [&](const Peer& peer) {
      return &peer == active_ || peer.wire == nullptr;
    });
    if (going() && (drop[Number(*active_)] || !alone)) Flush(*active_);
  }
  active_ = nullptr;
  for (size_t i = 0; i < clients_ && going(); ++i) {
    Peer& peer = peers_[i];
    if (&peer == last || peer.wire == nullptr) continue;
    drop[i] = !Reset(peer);
    Send(*peer.wire);
  }
  for (size_t i = 0; i < clients_ && going(); ++i) {
    Peer& peer = peers_[i];
    if (peer.wire == nullptr) continue;
    if (&peer != last) ReadOwed(peer);
    if (going() && drop[i]) HangUp(peer);
    ReleaseWire(peer);
  }
  if (going()) CompareState();
}

// Adds RESET to what the client sends. False if nobody can tell when that is done: half a request
// stands before it, the client waits, or its reply is off.
bool Oracle::Reset(Peer& peer) {
  if (peer.wire == nullptr || !core_.IsOpen(peer.core_id) || !peer.held.empty() ||
      !peer.requests.idle() || Waits(peer)) {
    return false;
  }
  Asked& asked = NewAsked(peer, Asked::Part::kBetween);
  asked.command = FindCommand("reset");
  asked.args = {"RESET"};
  constexpr std::string_view kReset = "*1\r\n$5\r\nRESET\r\n";
  core_.Receive(peer.core_id, kReset);
  TakeOutputs(peer, last_asked());
  peer.wire->link.out() += kReset;
  return !peer.unfenced;
}

void Oracle::CompareState() {
  Peer& control = peers_[kControl];
  const auto ask = [&](std::vector<std::string> args) {
    if (!going()) return;
    std::string wire;
    resp::AppendRequest(&wire, std::vector<std::string_view>(args.begin(), args.end()));
    Execute(control, std::move(args), wire);
  };
  if (settings_changed_ && !target_->most_tracked().empty()) {
    ask({"CONFIG", "SET", "tracking-table-max-keys", target_->most_tracked()});
  }
  const char* const time = target_->Has("pexpiretime") ? "PEXPIRETIME" : "PTTL";
  for (int db = 0; db < (all_databases_ ? core_.keyspace().databases() : 1); ++db) {
    ask({"SELECT", std::to_string(db)});
    ask({"DBSIZE"});
    if (core_.keyspace().KeyCount(db) == 0) continue;
    // As many keys, and each of the core's is there: the same keys. But for what has expired.
    if (core_.keyspace().ExpiredCount(db) > 0) ask({"KEYS", "*"});
    std::vector<std::string> keys;
    const Dict<Object>& dict = core_.keyspace().keys(db);
    for (size_t i = 0; i < dict.size(); ++i) {
      if (!core_.keyspace().Expired(dict.at(i).value)) keys.emplace_back(dict.at(i).key);
    }
    for (const std::string& key : keys) {
      ask({"TYPE", key});
      ask({"OBJECT", "ENCODING", key});
      ask({time, key});
      const Object* object = core_.keyspace().Peek(db, key);
      switch (object == nullptr ? ObjectType::kNone : object->type()) {
        case ObjectType::kString:
          ask({"GET", key});
          break;
        case ObjectType::kList:
          ask({"LRANGE", key, "0", "-1"});
          break;
        case ObjectType::kHash:
          ask({"HGETALL", key});
          break;
        case ObjectType::kSet:
          ask({"SMEMBERS", key});
          break;
        case ObjectType::kZset:
          ask({"ZRANGE", key, "0", "-1", "WITHSCORES"});
          break;
        default:
          break;
      }
    }
  }
  // A server clears errno before it reads a weight.
  if (out_of_range_ && target_->Has("zunion")) {
    ask({"ZUNION", "1", "none", "WEIGHTS", "1"});
    out_of_range_ = false;
  }
  ask({"FLUSHALL"});
  if (all_databases_) ask({"SELECT", "0"});
}

// After a difference nothing of the case may reach the next one.
void Oracle::Abort() {
  if (!difference_) return;  // given up: there will be no next one
  ++counts_.cases;
  if (difference_->fatal) return;
  for (Wire& wire : wires_) wire.link.Close(options_.hang_ms);
  std::string error;
  const Difference kept = *difference_;
  const bool well = Prepare(&error);
  difference_ = kept;
  if (!well) difference_->fatal = true;
}

// What was begun is nobody's any more.
void Oracle::DropAll() {
  for (Wire& wire : wires_) {
    wire.link.Drop();
    wire.Clear();
    wire.taken = false;
  }
  for (Peer& peer : peers_) peer.wire = nullptr;
  active_ = nullptr;
  first_asked_ += asked_.size();
  asked_.clear();
  settled_ = logged_ = case_number_;
}

size_t Oracle::FirstOwed() const {
  size_t first = first_asked_ + asked_.size();
  for (const Wire& wire : wires_) {
    if (wire.owes()) first = std::min(first, wire.chunks[wire.next].asked);
  }
  return first;
}

uint64_t Oracle::unsettled() const {
  const size_t first = FirstOwed() - first_asked_;
  return first < asked_.size() ? case_number_ + 1 - asked_[first].case_number : 0;
}

void Oracle::Retire() {
  counts_.cases += case_number_ - unsettled() - settled_;
  settled_ = case_number_ - unsettled();
  for (size_t first = FirstOwed(); first_asked_ < first; ++first_asked_) {
    Count(asked_.front());
    asked_.pop_front();
  }
}

void Oracle::Count(const Asked& asked) {
  if (asked.part == Asked::Part::kState) ++counts_.state;
  if (asked.part != Asked::Part::kCase) return;
  ++counts_.requests;
  CommandCounts& counts = counts_.commands[asked.command];
  const Command* const command = asked.command;
  if (counts.requests++ == 0 && command != nullptr) {
    for (const std::string_view word : LiteralsOf(command->spec->syntax)) {
      counts.options.emplace_back(word, 0);
    }
  }
  if (counts.options.empty()) return;
  for (size_t i = command->parent != nullptr ? 2 : 1; i < asked.args.size(); ++i) {
    for (auto& [word, count] : counts.options) {
      count += CommandContext::IsWord(asked.args[i], word);
    }
  }
}

void Oracle::Differ(size_t asked, std::string kind, std::string core, std::string server,
                    std::string command) {
  if (difference_) return;
  Difference& d = difference_.emplace();
  d.suspects = std::max<uint64_t>(unsettled(), 1);
  const auto words = [](const Asked& a) {
    std::string line;
    for (const std::string& word : a.args) {
      if (!line.empty()) line += ' ';
      AppendWord(&line, word);
    }
    return line;
  };
  if (!asked_.empty()) {
    const Asked& a = AskedAt(asked);
    d.op = a.op;
    d.request = words(a);
    d.cases_ago = case_number_ - a.case_number;
    if (command.empty()) {
      command = a.command != nullptr ? std::string(a.command->full_name()) : "unknown command";
    }
    if (a.part == Asked::Part::kState) command = "state: " + command;
    for (size_t i = first_asked_; i <= asked; ++i) {
      const Asked& before = AskedAt(i);
      if (before.case_number != a.case_number) continue;
      const std::string who = before.client == kControl ? "oracle" : std::to_string(before.client);
      d.session.push_back(who + "> " + words(before));
    }
  }
  d.command = std::move(command);
  d.kind = std::move(kind);
  d.core = std::move(core);
  d.server = std::move(server);
}

void Oracle::ServerFailed() {
  if (!going()) return;
  const ServerEnd end = target_->FindEnd(options_.hang_ms);
  if (!end.ended && target_->stop()()) {
    given_up_ = true;
    return;
  }
  Differ(last_asked(), end.Text(), "goes on", "does not", end.command);
  difference_->fatal = true;
}

void Oracle::CheckLog() {
  const std::optional<CrashReport> report = target_->NewReport();
  const uint64_t since = case_number_ - std::exchange(logged_, case_number_);
  if (!report || difference_) return;
  Differ(last_asked(), "crash report: " + report->Text(), "nothing to say", "a crash report",
         report->command);
  difference_->fatal = true;
  difference_->suspects = std::max(difference_->suspects, since);
}

}  // namespace resprobe::live
