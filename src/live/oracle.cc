#include "live/oracle.h"

#include <algorithm>
#include <chrono>
#include <variant>

#include "core/resp/writer.h"
#include "engine/quote.h"

namespace resprobe::live {
namespace {

// A pipeline this long goes out even if the same client has more to say.
constexpr size_t kMostPipelined = 12 << 10;
constexpr size_t kMostExpected = 256 << 10;

int64_t SystemMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::vector<std::string_view> Views(const std::vector<std::string>& args) {
  return {args.begin(), args.end()};
}

void AppendWire(std::string* wire, const std::vector<std::string>& args) {
  resp::AppendRequest(wire, Views(args));
}

// Which of the keys that have expired these delete, depends on where in the server's tables they
// lie; DBSIZE then shows it.
constexpr std::string_view kBuries = "SCAN or RANDOMKEY where expired keys are yet to be deleted";
bool MayBury(const Command& command) {
  return command.name() == "scan" || command.name() == "randomkey";
}

bool LogsIn(const Command& command) {
  return command.name() == "auth" || command.name() == "hello";
}

bool RepliesAreOff(const Client& client) {
  return client.reply_off || client.reply_skip || client.reply_skip_next;
}

}  // namespace

Oracle::Oracle(OracleTarget* target, const OracleOptions& options)
    : target_(target),
      options_(options),
      core_(ServerConfig{.profile = options.profile,
                         .max_bulk = target->max_bulk(),
                         .active_expiry = !target->active_expiry_off()}) {
  resp::RequestLimits limits;
  limits.max_bulk = target->max_bulk();
  for (Peer& peer : peers_) {
    peer.requests = resp::RequestParser(limits);
    peer.requests.set_blanks_keep_inline(TraitsOf(options.profile).blanks_keep_inline);
  }
}

bool Oracle::Prepare(std::string* error) {
  if (difference_ && difference_->fatal && target_->own() && !target_->Restart(error)) return false;
  difference_.reset();
  target_->NewReport();  // of what was before
  for (Peer& peer : peers_) peer.link.Use(UniqueFd());
  UniqueFd fd = target_->Connect(error);
  if (!fd.valid()) return false;
  fence_.Use(std::move(fd), options_.hang_ms);
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
    if (fence_.Read(options_.hang_ms) != OracleLink::Got::kBytes) {
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
  Begin(c.config);
  for (size_t i = 0; i < c.ops.size() && going(); ++i) {
    std::visit([&](const auto& op) { Step(op); }, c.ops[i]);
  }
  Finish();
  return difference_;
}

void Oracle::Finish() {
  if (going()) Settle();
  if (going()) CheckLog();
  if (!going()) Abort();
}

void Oracle::Begin(const CommandWorld::Config& config) {
  difference_.reset();
  ++counts_.cases;
  op_ = 0;
  core_.Reset();
  const auto case_now = static_cast<int64_t>(core_.now_ms());
  const int64_t now = SystemMs() + target_->clock_ahead_ms();
  core_.Advance(static_cast<uint64_t>(std::max<int64_t>(now - case_now, 0)));
  times_.Reset(case_now, now);
  asked_.clear();
  active_ = nullptr;
  state_ = all_databases_ = settings_changed_ = false;
  clients_ = 1 + config.clients.Of(kMaxClients);
  for (size_t i = 0; i < clients_; ++i) {
    Peer& peer = peers_[i];
    Open(peer);
    peer.hello3 = (config.protocol3.value >> i & 1) != 0;
    if (peer.hello3) {
      core_.Receive(peer.core_id, "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n");
      core_.Output(peer.core_id).clear();
    }
  }
  Open(peers_[kControl]);
}

void Oracle::Open(Peer& peer) {
  peer.core_id = core_.Connect();
  peer.unsent.clear();
  peer.held.clear();
  peer.requests.Reset();
  peer.nonsense = peer.hello3 = false;
  peer.expected.clear();
  peer.chunks.clear();
  peer.silent.clear();
  peer.deferred.clear();
  peer.unfenced = peer.lossy = peer.stays_open = false;
}

void Oracle::Connect(Peer& peer) {
  std::string error;
  UniqueFd fd = target_->Connect(&error);
  if (!fd.valid()) return ServerFailed();
  peer.link.Use(std::move(fd), options_.hang_ms);
  peer.skipper.Reset();
  peer.server_id = 0;
  peer.skip = 1;
  peer.wants_id = true;
  peer.link.out() = "*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n";
}

// The client goes, once all that was sent is done.
void Oracle::HangUp(Peer& peer) {
  if (active_ != nullptr && active_->link.connected()) Flush(*active_);
  active_ = nullptr;
  core_.Close(peer.core_id);
  if (going() && !peer.link.Close(options_.hang_ms)) ServerFailed();
  peer.used = false;
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
  HangUp(peer);
  Open(peer);
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
  if (!going()) return;
  if (!peer.link.connected()) Connect(peer);
  Greet(peer);
}

// What the client begins with.
void Oracle::Greet(Peer& peer) {
  if (peer.hello3) {
    peer.link.out() += "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n";
    ++peer.skip;
    peer.hello3 = false;
  }
  peer.used = true;
}

void Oracle::Execute(Peer& peer, std::vector<std::string> args, std::string_view wire) {
  const Command* command = ReplyModel::Find(Views(args), options_.profile);
  const Client& client = *core_.FindOpenClient(peer.core_id);
  std::string reason;
  if (!state_) reason = LeftOut(command, args, options_.profile, *target_);
  bool breaks_off = false;
  if (reason.empty() && command != nullptr && command->is_exec) {
    bool pops = false;
    bool free = false;
    bool buries = false;
    for (size_t i = 0; i < client.queue.size(); ++i) {
      const Command& queued = *client.queue.entry(i).command;
      pops |= queued.name() == "spop";
      buries |= MayBury(queued);
      // Without names the server chooses which subscription ends first.
      free |= FreedomOf(queued) != Freedom::kNone ||
              (queued.unsubscribes && client.queue.entry(i).argc == 1);
      breaks_off |= queued.name().find("subscribe") != std::string_view::npos ||
                    (queued.name().ends_with("publish") && client.subscribed) ||
                    queued.full_name() == "client|reply" ||
                    (LogsIn(queued) && TraitsOf(options_.profile).auth_error_needs_silence);
    }
    if (buries && core_.keyspace().ExpiredCount(client.db) > 0) reason = kBuries;
    if (pops && RepliesAreOff(client)) reason = "EXEC of SPOP without reply";
    // What comes of that cannot be told apart (docs/core-server.md).
    if (free && breaks_off) reason = "EXEC of replies that break off and what a server may choose";
  }
  if (reason.empty() && command != nullptr && MayBury(*command) && !client.multi &&
      core_.keyspace().ExpiredCount(client.db) > 0) {
    reason = kBuries;
  }
  if (reason.empty() && command != nullptr && command->name() == "spop" && !client.multi &&
      RepliesAreOff(client)) {
    reason = "SPOP without reply";
  }
  if (!reason.empty()) {
    ++counts_.left_out.try_emplace(std::move(reason)).first->second;
    return;
  }
  Turn(peer);
  // Its replies go alone. And valkey 8.0.1 (seen live) does not answer a wrong password while an
  // earlier reply of the same pipeline waits to be written.
  const bool logs_in = command != nullptr && LogsIn(*command) && args.size() > 1;
  if (going() && (breaks_off || logs_in)) Flush(peer);
  if (!going()) return;

  Asked& asked = asked_.emplace_back();
  asked.command = command;
  asked.op = op_;
  asked.client = Number(peer);
  asked.protocol = client.protocol;
  core_wire_.assign(wire);
  if (command != nullptr) {
    if (!state_ && times_.Rewrite(*command, &args)) {
      core_wire_.clear();
      AppendWire(&core_wire_, args);
    }
    const std::string_view name = command->name();
    settings_changed_ |= command->full_name() == "config|set";
    all_databases_ |= name == "select" || name == "move" || name == "swapdb" || name == "copy";
    peer.stays_open = name == "quit" && RepliesAreOff(client);
    const Freedom freedom = FreedomOf(*command);
    if ((freedom == Freedom::kPick || freedom == Freedom::kScan) && !client.multi) {
      asked.args = args;
      FindUniverse(client, &asked);
    }
    if (command->is_exec && client.multi && !client.dirty_cas && !client.dirty_exec) {
      std::vector<std::string_view> words;
      client.queue.Arguments(&words);
      for (size_t i = 0; i < client.queue.size(); ++i) {
        const CommandQueue::Entry& entry = client.queue.entry(i);
        Asked& queued = asked.queued.emplace_back();
        queued.command = entry.command;
        queued.protocol = client.protocol;
        const auto first = words.begin() + static_cast<ptrdiff_t>(entry.first);
        queued.args.assign(first, first + static_cast<ptrdiff_t>(entry.argc));
      }
    }
  }
  if (state_) {
    ++counts_.state;
  } else {
    ++counts_.requests;
    const std::string_view name = command == nullptr ? "unknown command" : command->full_name();
    const auto found = counts_.compared.find(name);
    ++(found != counts_.compared.end() ? found->second : counts_.compared[std::string(name)]);
    if (command != nullptr) CountOptions(*command, args);
  }
  std::vector<std::string> server_args;
  if (command != nullptr && MapIds(*command, &args, &server_args)) {
    core_wire_.clear();
    AppendWire(&core_wire_, args);
    AppendWire(&peer.link.out(), server_args);
  } else {
    peer.link.out() += core_wire_;
  }
  asked.args = std::move(args);
  if (!going()) return;
  if (command != nullptr && IsChoice(client, asked)) {
    TakeChoice(peer, &asked, core_wire_);
    if (!going()) return;
  } else {
    core_.Receive(peer.core_id, core_wire_);
  }
  TakeOutputs(peer, asked_.size() - 1);
  AfterCore(peer);
  // What is broadcast is told once a turn: each request has one of its own.
  const bool broadcasts = !core_.prefix_table().empty();
  if (going() && (breaks_off || broadcasts || one_by_one_) && core_.IsOpen(peer.core_id))
    Flush(peer);
}

void Oracle::CountOptions(const Command& command, const std::vector<std::string>& args) {
  const auto [at, added] = counts_.options.try_emplace(&command);
  if (added) {
    for (const std::string_view word : LiteralsOf(command.spec->syntax)) {
      at->second.emplace_back(word, 0);
    }
  }
  if (at->second.empty()) return;
  for (size_t i = command.parent != nullptr ? 2 : 1; i < args.size(); ++i) {
    for (auto& [word, count] : at->second) count += CommandContext::IsWord(args[i], word);
  }
}

void Oracle::ExecuteNonsense(Peer& peer, std::string_view bytes) {
  Turn(peer);
  if (!going()) return;
  Asked& asked = asked_.emplace_back();
  asked.args = {std::string(bytes)};
  asked.op = op_;
  asked.client = Number(peer);
  ++counts_.requests;
  peer.link.out() += bytes;
  // The server closes behind the error, which is never written.
  peer.stays_open = RepliesAreOff(*core_.FindClient(peer.core_id));
  core_.Receive(peer.core_id, bytes);
  TakeOutputs(peer, asked_.size() - 1);
  AfterCore(peer);
}

// What the core has said, to whomever.
void Oracle::TakeOutputs(Peer& peer, size_t asked) {
  const auto take = [&](Peer& other) {
    std::string& output = core_.Output(other.core_id);
    if (output.empty()) return false;
    const bool own = &other == &peer;
    if (!own && !other.silent.empty()) {
      // A client that waited is served: what it asked for has its reply.
      resp::ReplyParser parser;
      resp::Reply reply;
      for (std::string_view rest = output; !rest.empty();) {
        const size_t size = parser.Parse(rest, &reply).consumed;
        if (size == 0) break;
        other.expected += rest.substr(0, size);
        rest.remove_prefix(size);
        const bool push = reply.root().type() == resp::Type::kPush || other.silent.empty();
        other.chunks.push_back({other.expected.size(), push ? asked : other.silent.front(), !push});
        if (!push) other.silent.erase(other.silent.begin());
      }
    } else {
      other.expected += output;
      other.chunks.push_back({other.expected.size(), asked, own});
    }
    output.clear();
    return true;
  };
  for (size_t i = 0; i < clients_; ++i) {
    if (&peers_[i] != &peer) take(peers_[i]);
  }
  peer.unfenced = !take(peer);
  if (peer.unfenced) {
    peer.silent.push_back(asked);
  } else {
    peer.silent.clear();
  }
}

void Oracle::AfterCore(Peer& peer) {
  for (size_t i = 0; i < clients_ && going(); ++i) {
    Peer& other = peers_[i];
    if (core_.IsOpen(other.core_id) || !other.link.connected()) continue;
    if (&other != &peer) {
      Flush(peer);
      if (!going()) return;
      other.lossy = true;
      ReadOwed(other);
    } else {
      peer.unfenced = false;
      Flush(peer);
    }
    if (going()) ExpectClosed(other);
  }
  if (!going() || !core_.IsOpen(peer.core_id)) return;
  if (peer.link.out().size() > kMostPipelined || peer.expected.size() > kMostExpected) Flush(peer);
}

// CLIENT KILL ID, CLIENT UNBLOCK, CLIENT TRACKING REDIRECT: the numbers of the connections are the
// server's own. A number that is none of the clients' is nobody's on both sides.
bool Oracle::MapIds(const Command& command, std::vector<std::string>* core,
                    std::vector<std::string>* server) {
  // The word before an id; for CLIENT UNBLOCK its place tells.
  const std::string_view before = command.full_name() == "client|kill"       ? "ID"
                                  : command.full_name() == "client|tracking" ? "REDIRECT"
                                  : command.full_name() == "client|unblock"  ? "UNBLOCK"
                                                                             : "";
  if (before.empty()) return false;
  *server = *core;
  for (size_t i = 2; i < core->size(); ++i) {
    int64_t id = 0;
    if (!CommandContext::IsWord((*core)[i - 1], before)) continue;
    if (!ParseInt64((*core)[i], &id) || id <= 0) continue;
    constexpr int64_t kNobody = 1'000'000'000'000'000;
    (*server)[i] = std::to_string(id < kNobody ? id + kNobody : id);
    bool found = false;
    for (size_t j = 0; j < clients_ && going(); ++j) {
      Peer& peer = peers_[j];
      if (peer.core_id != static_cast<uint64_t>(id) || !core_.IsOpen(peer.core_id)) continue;
      if (!peer.link.connected()) Connect(peer);
      if (!going()) return false;
      Greet(peer);
      if (!Skip(peer)) return false;
      (*server)[i] = std::to_string(peer.server_id);
      found = true;
    }
    if (!found) (*core)[i] = (*server)[i];
  }
  return true;
}

bool Oracle::Probe(int db, const std::vector<std::string>& args, std::vector<std::string>* leaves) {
  const uint64_t id = peers_[kControl].core_id;
  std::string wire;
  AppendWire(&wire, {"SELECT", std::to_string(db)});
  AppendWire(&wire, args);
  std::string before = std::exchange(core_.Output(id), {});
  core_.Receive(id, wire);
  std::string output = std::exchange(core_.Output(id), std::move(before));
  resp::ReplyParser parser;
  resp::Reply reply;
  std::string_view rest = output;
  rest.remove_prefix(parser.Parse(rest, &reply).consumed);
  if (parser.Parse(rest, &reply).status != resp::ReplyParser::Status::kValue) return false;
  if (reply.root().is_error()) return false;
  leaves->clear();
  for (size_t i = 0; i < reply.nodes().size(); ++i) {
    const resp::ReplyView node = resp::ReplyView::AtNode(&reply, i);
    if (!node.is_aggregate() && !node.is_null()) leaves->emplace_back(node.text());
  }
  return true;
}

void Oracle::FindUniverse(const Client& client, Asked* asked) {
  const std::string_view name = asked->command->name();
  const std::vector<std::string>& args = asked->args;
  if (!asked->command->ArityFits(args.size())) return;
  std::vector<std::string> question;
  if (name == "randomkey") {
    question = {"KEYS", "*"};
  } else if (name == "srandmember") {
    question = {"SMEMBERS", args[1]};
  } else if (name == "hrandfield") {
    question = {"HGETALL", args[1]};
  } else if (name == "zrandmember") {
    question = {"ZRANGE", args[1], "0", "-1", "WITHSCORES"};
  } else if (name == "scan") {
    // SCAN itself would delete what has expired.
    question = {"KEYS", "*"};
    asked->universe_complete = args.size() == 2;
  } else {
    // All of it at once.
    question = args;
    question[2] = "0";
    question.insert(question.end(), {"COUNT", "100000000"});
    asked->universe_complete = true;
  }
  // Looking for an expired key would delete it.
  const bool has_key = question[0] != "KEYS";
  if (has_key && core_.keyspace().Peek(client.db, args[1]) == nullptr) return;
  asked->universe_known = Probe(client.db, question, &asked->universe);
  if (asked->universe_known && has_key && FreedomOf(*asked->command) == Freedom::kScan) {
    asked->universe.erase(asked->universe.begin());  // the cursor
  }
}

bool Oracle::IsChoice(const Client& client, const Asked& asked) const {
  const auto pops = [](const Asked& a) {
    return a.command->name() == "spop" && a.command->ArityFits(a.args.size());
  };
  if (asked.command->is_exec) return std::any_of(asked.queued.begin(), asked.queued.end(), pops);
  if (client.multi || !pops(asked) || (client.subscribed && client.protocol == 2)) return false;
  const Object* object = core_.keyspace().Peek(client.db, asked.args[1]);
  return object != nullptr && object->type() == ObjectType::kSet;
}

// The server goes first; the core takes what it took, by SREM.
void Oracle::TakeChoice(Peer& peer, Asked* asked, std::string_view core_wire) {
  peer.link.Send();
  ++counts_.writes;
  if (!Skip(peer)) return;
  std::vector<Value> ours;
  if (!ParseExpected(peer, &ours)) return ReadOpaque(peer);
  const auto is_reply = [](const Value& value) {
    return value.reply.root().type() != resp::Type::kPush;
  };
  const auto before = static_cast<size_t>(std::count_if(ours.begin(), ours.end(), is_reply));
  std::vector<Value> theirs;
  const Value* choice = nullptr;
  for (;;) {
    size_t consumed = 0;
    if (!ParseReceived(peer, &theirs, &consumed)) break;
    size_t replies = 0;
    for (const Value& value : theirs) {
      if (is_reply(value) && replies++ == before) choice = &value;
    }
    if (choice != nullptr) break;
    const Wait wait = WaitFor(peer);
    if (wait == Wait::kFailed) return;
    if (wait != Wait::kMore) break;
  }
  Client& client = *core_.FindOpenClient(peer.core_id);
  const auto leaves = [](const resp::ReplyView& value) {
    std::vector<std::string> members;
    if (value.is_error() || value.is_null()) return members;
    if (!value.is_aggregate()) members.emplace_back(value.text());
    for (const resp::ReplyView member : value) members.emplace_back(member.text());
    return members;
  };
  const auto removal = [](const std::string& key, const std::vector<std::string>& members) {
    std::vector<std::string> args = {"SREM", key};
    args.insert(args.end(), members.begin(), members.end());
    return args;
  };
  if (choice == nullptr) {
    core_.Receive(peer.core_id, core_wire);
    return;
  }
  const resp::ReplyView chosen = choice->reply.root();
  if (!asked->command->is_exec) {
    const std::vector<std::string> members = leaves(chosen);
    std::string wire(core_wire);
    if (!members.empty()) {
      asked->popped = true;
      const Object* object = core_.keyspace().Peek(client.db, asked->args[1]);
      asked->population = static_cast<int64_t>(object->size());
      wire.clear();
      AppendWire(&wire, removal(asked->args[1], members));
    }
    core_.Receive(peer.core_id, wire);
    return;
  }
  if (chosen.type() == resp::Type::kArray && chosen.size() == asked->queued.size()) {
    client.queue.Clear();
    auto reply = chosen.begin();
    for (Asked& queued : asked->queued) {
      const std::vector<std::string> members = leaves(*reply);
      ++reply;
      if (queued.command->name() == "spop" && !members.empty()) {
        queued.popped = true;
        client.queue.Add(*FindCommand("srem"), Views(removal(queued.args[1], members)));
      } else {
        client.queue.Add(*queued.command, Views(queued.args));
      }
    }
  }
  core_.Receive(peer.core_id, core_wire);
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
  // once; then what is left, since no client may hear of that.
  state_ = true;
  if (going() && active_ != nullptr) {
    Peer& last = *active_;
    const bool again = Reset(last);
    if (going()) Flush(last);
    active_ = nullptr;
    if (going() && !again) HangUp(last);
    last.used = false;
  }
  std::array<bool, kMaxClients> drop = {};
  for (size_t i = 0; i < clients_ && going(); ++i) {
    Peer& peer = peers_[i];
    if (!peer.used || !peer.link.connected()) continue;
    drop[i] = !Reset(peer);
    if (peer.link.out().empty()) continue;
    peer.link.Send();
    ++counts_.writes;
  }
  for (size_t i = 0; i < clients_ && going(); ++i) {
    Peer& peer = peers_[i];
    if (!peer.used || !peer.link.connected()) continue;
    ReadOwed(peer);
    if (going() && drop[i]) HangUp(peer);
    peer.used = false;
  }
  if (going()) CompareState();
}

// Adds RESET to what the client sends. False if nobody can tell when that is done: half a request
// stands before it, the client waits, or its reply is off.
bool Oracle::Reset(Peer& peer) {
  if (!peer.link.connected() || !core_.IsOpen(peer.core_id) || !peer.held.empty() ||
      !peer.requests.idle() || Waits(peer)) {
    return false;
  }
  Asked& asked = asked_.emplace_back();
  asked.command = FindCommand("reset");
  asked.args = {"RESET"};
  asked.op = op_;
  asked.client = Number(peer);
  constexpr std::string_view kReset = "*1\r\n$5\r\nRESET\r\n";
  core_.Receive(peer.core_id, kReset);
  TakeOutputs(peer, asked_.size() - 1);
  peer.link.out() += kReset;
  return !peer.unfenced;
}

void Oracle::CompareState() {
  Peer& control = peers_[kControl];
  const auto ask = [&](std::vector<std::string> args) {
    if (!going()) return;
    std::string wire;
    AppendWire(&wire, args);
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
    std::vector<std::string> keys;
    Probe(db, {"KEYS", "*"}, &keys);
    ask({"KEYS", "*"});
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
  ask({"FLUSHALL"});
  if (all_databases_) ask({"SELECT", "0"});
  if (going()) Flush(control);
  active_ = nullptr;
}

// After a difference nothing of the case may reach the next one.
void Oracle::Abort() {
  if (difference_->fatal) return;
  for (Peer& peer : peers_) {
    peer.link.Close(options_.hang_ms);
    peer.used = false;
  }
  active_ = nullptr;
  std::string error;
  const Difference kept = *difference_;
  const bool well = Prepare(&error);
  difference_ = kept;
  if (!well) difference_->fatal = true;
}

void Oracle::Differ(size_t asked, std::string kind, std::string core, std::string server,
                    std::string command) {
  if (difference_) return;
  Difference& d = difference_.emplace();
  const auto words = [](const Asked& a) {
    std::string line;
    for (const std::string& word : a.args) {
      if (!line.empty()) line += ' ';
      AppendWord(&line, word);
    }
    return line;
  };
  if (asked < asked_.size()) {
    const Asked& a = asked_[asked];
    d.op = a.op;
    d.request = words(a);
    if (a.client == kControl && !command.empty()) command = "state: " + command;
    if (command.empty()) {
      command = a.command != nullptr ? std::string(a.command->full_name()) : "unknown command";
    }
  }
  d.command = std::move(command);
  d.kind = std::move(kind);
  d.core = std::move(core);
  d.server = std::move(server);
  for (size_t i = 0; i <= asked && i < asked_.size(); ++i) {
    const std::string who =
        asked_[i].client == kControl ? "oracle" : std::to_string(asked_[i].client);
    d.session.push_back(who + "> " + words(asked_[i]));
  }
}

void Oracle::ServerFailed() {
  if (difference_) return;
  const ServerEnd end = target_->FindEnd(options_.hang_ms);
  Differ(asked_.empty() ? 0 : asked_.size() - 1, end.Text(), "goes on", "does not", end.command);
  difference_->fatal = true;
}

void Oracle::CheckLog() {
  const std::optional<CrashReport> report = target_->NewReport();
  if (!report || difference_) return;
  Differ(asked_.empty() ? 0 : asked_.size() - 1, "crash report: " + report->Text(),
         "nothing to say", "a crash report", report->command);
  difference_->fatal = true;
}

}  // namespace resprobe::live
