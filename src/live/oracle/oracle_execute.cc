// What the oracle asks of both servers: the core first, to know what the live one owes.

#include <algorithm>

#include "core/resp/writer.h"
#include "live/oracle/oracle.h"

namespace resprobe::live {
namespace {

// What one client says goes out once there is so much, so that the server has something to do.
constexpr size_t kSegment = 4 << 10;
constexpr size_t kMostOwed = 256 << 10;

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

constexpr std::string_view kSortsLate =
    "SORT behind a number out of range (docs/findings/sort-stale-errno.md)";

bool LogsIn(const Command& command) {
  return command.name() == "auth" || command.name() == "hello";
}

// With a password.
bool LogsIn(const Command& command, const std::vector<std::string>& args) {
  return LogsIn(command) && args.size() > (command.name() == "auth" ? 1 : 2);
}

bool Sorts(const Command& command) { return command.name().starts_with("sort"); }

bool RepliesAreOff(const Client& client) {
  return client.reply_off || client.reply_skip || client.reply_skip_next;
}

}  // namespace

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
    bool sorts = false;
    for (size_t i = 0; i < client.queue.size(); ++i) {
      const Command& queued = *client.queue.entry(i).command;
      pops |= queued.name() == "spop";
      buries |= MayBury(queued);
      sorts |= Sorts(queued);
      // Without names the server chooses which subscription ends first.
      free |= FreedomOf(queued) != Freedom::kNone ||
              (queued.unsubscribes && client.queue.entry(i).argc == 1);
      breaks_off |= queued.name().find("subscribe") != std::string_view::npos ||
                    (queued.name().ends_with("publish") && client.subscribed) ||
                    queued.full_name() == "client|reply" ||
                    (LogsIn(queued) && TraitsOf(options_.profile).auth_error_needs_silence);
    }
    if (buries && core_.keyspace().ExpiredCount(client.db) > 0) reason = kBuries;
    if (sorts && out_of_range_) reason = kSortsLate;
    if (pops && RepliesAreOff(client)) reason = "EXEC of SPOP without reply";
    // What comes of that cannot be told apart (docs/core-server.md).
    if (free && breaks_off) reason = "EXEC of replies that break off and what a server may choose";
  }
  if (reason.empty() && command != nullptr && MayBury(*command) && !client.multi &&
      core_.keyspace().ExpiredCount(client.db) > 0) {
    reason = kBuries;
  }
  out_of_range_ |= OutOfRange(args);
  if (reason.empty() && command != nullptr && Sorts(*command) && out_of_range_ && !client.multi) {
    reason = kSortsLate;
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
  if (!going()) return;

  // Its replies go alone. And valkey 8.0.1 (seen live) does not answer a wrong password while an
  // earlier reply of the same pipeline waits to be written. What the server may choose, the core
  // has to know before it goes on.
  const bool logs_in = command != nullptr && LogsIn(*command, args);
  const bool chooses = command != nullptr && IsChoice(client, *command, args);
  if (breaks_off || logs_in || chooses) Flush(peer);
  if (!going()) return;

  Asked& asked = NewAsked(peer, state_ ? Asked::Part::kState : Asked::Part::kCase);
  const size_t number = last_asked();
  asked.command = command;
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
    // A server closes behind the reply, which is never written (as in ExecuteNonsense()).
    peer.stays_open = RepliesAreOff(client) &&
                      (name == "quit" || command->is_exec || command->full_name() == "client|kill");
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
  std::vector<std::string> server_args;
  if (command != nullptr && MapIds(*command, &args, &server_args)) {
    core_wire_.clear();
    AppendWire(&core_wire_, args);
    AppendWire(&peer.wire->link.out(), server_args);
  } else {
    peer.wire->link.out() += core_wire_;
  }
  asked.args = std::move(args);
  if (!going()) return;
  if (chooses) {
    TakeChoice(peer, &asked, core_wire_);
    if (!going()) return;
  } else {
    core_.Receive(peer.core_id, core_wire_);
  }
  TakeOutputs(peer, number);
  AfterCore(peer);
  // What is broadcast is told once a turn: each request has one of its own.
  const bool broadcasts = !core_.prefix_table().empty();
  if (going() && (breaks_off || broadcasts || one_by_one_) && core_.IsOpen(peer.core_id))
    Flush(peer);
}

void Oracle::ExecuteNonsense(Peer& peer, std::string_view bytes) {
  Turn(peer);
  if (!going()) return;
  NewAsked(peer, Asked::Part::kCase).args = {std::string(bytes)};
  peer.wire->link.out() += bytes;
  // The server closes behind the error, which is never written.
  peer.stays_open = RepliesAreOff(*core_.FindClient(peer.core_id));
  core_.Receive(peer.core_id, bytes);
  TakeOutputs(peer, last_asked());
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
      for (std::string_view rest = output; !rest.empty();) {
        const resp::ReplyParser::Result result = parser.Parse(rest);
        if (result.status != resp::ReplyParser::Status::kValue) {
          other.wire->Owe(rest, asked, false);  // compared as bytes
          break;
        }
        const size_t size = result.consumed;
        const bool push = parser.reply().root().type() == resp::Type::kPush || other.silent.empty();
        other.wire->Owe(rest.substr(0, size), push ? asked : other.silent.front(), !push);
        rest.remove_prefix(size);
        if (!push) other.silent.erase(other.silent.begin());
      }
    } else {
      other.wire->Owe(output, asked, own);
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
    if (core_.IsOpen(other.core_id) || other.wire == nullptr) continue;
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
  Wire& wire = *peer.wire;
  if (wire.link.out().size() > kSegment) {
    // While the server works at this, what was sent before is read, and the core goes on.
    Send(wire);
    ReadOwed(peer, std::exchange(wire.sent, wire.expected.size()));
  } else if (wire.owed() > kMostOwed) {
    Flush(peer);
  }
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
      const bool silent = peer.wire == nullptr;
      if (silent) TakeWire(peer);
      // It has to have greeted the server, and to know its number.
      if (going() && (silent || peer.wire->server_id == 0)) Flush(peer);
      if (!going()) return false;
      (*server)[i] = std::to_string(peer.wire->server_id);
      peer.named = true;
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
  std::string_view rest = output;
  rest.remove_prefix(parser.Parse(rest).consumed);
  if (parser.Parse(rest).status != resp::ReplyParser::Status::kValue) return false;
  const resp::Reply& reply = parser.reply();
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

bool Oracle::IsChoice(const Client& client, const Command& command,
                      const std::vector<std::string>& args) const {
  const auto pops = [](const Command& c, size_t argc) {
    return c.name() == "spop" && c.ArityFits(argc);
  };
  if (command.is_exec && client.multi && !client.dirty_cas && !client.dirty_exec) {
    for (size_t i = 0; i < client.queue.size(); ++i) {
      const CommandQueue::Entry& entry = client.queue.entry(i);
      if (pops(*entry.command, entry.argc)) return true;
    }
    return false;
  }
  if (client.multi || !pops(command, args.size())) return false;
  if (client.subscribed && client.protocol == 2) return false;
  const Object* object = core_.keyspace().Peek(client.db, args[1]);
  return object != nullptr && object->type() == ObjectType::kSet;
}

// The server goes first; the core takes what it took, by SREM.
void Oracle::TakeChoice(Peer& peer, Asked* asked, std::string_view core_wire) {
  Send(*peer.wire);
  std::vector<Value> theirs;
  const Value* choice = nullptr;
  while (choice == nullptr) {
    size_t consumed = 0;
    if (!ParseReceived(peer, &theirs, &consumed)) break;
    for (const Value& value : theirs) {
      if (choice == nullptr && value.reply.root().type() != resp::Type::kPush) choice = &value;
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

}  // namespace resprobe::live
