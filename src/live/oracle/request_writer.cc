#include "live/oracle/request_writer.h"

#include <span>
#include <utility>

#include "core/resp/reply_parser.h"
#include "core/resp/request_parser.h"
#include "core/server/client.h"
#include "live/oracle/oracle_compare.h"
#include "live/oracle/oracle_requests.h"
#include "worlds/command/reply_model.h"

namespace resprobe::live {
namespace {

// A client's requests are sent in segments of this size, so that the server can start working.
constexpr size_t kSegment = 4 << 10;
constexpr size_t kMostOwed = 256 << 10;

}  // namespace

void RequestWriter::Begin(int64_t case_now_ms, int64_t now_ms) {
  times_.Reset(case_now_ms, now_ms);
  all_databases_ = settings_changed_ = false;
  left_keys_.merge(named_keys_);
  named_keys_.clear();
  if (!survey_->KeepsKeys()) return;
  // No earlier run has used it on this server.
  key_prefix_ = "r" + std::to_string(now_ms) + "c" + std::to_string(log_->case_number()) + ":";
}

void RequestWriter::Deliver(OracleClient& client, std::string_view bytes) {
  using Status = resp::RequestParser::Status;
  std::string all;
  if (!client.deferred.empty()) {
    all = std::exchange(client.deferred, {});
    all += bytes;
    bytes = all;
  }
  while (!bytes.empty() && verdict_->going() && !client.nonsense && core_->IsOpen(client.core_id)) {
    if (clients_->Waits(client)) {
      client.deferred = bytes;
      return;
    }
    const resp::RequestParser::Result result = client.requests.Parse(bytes);
    if (result.status == Status::kRequest) {
      const std::span<const std::string_view> words = client.requests.args();
      std::vector<std::string> args(words.begin(), words.end());
      client.held.append(bytes.substr(0, result.consumed));
      bytes.remove_prefix(result.consumed);
      Execute(client, std::move(args), std::exchange(client.held, {}), Asked::Part::kCase);
      continue;
    }
    client.held.append(bytes);
    if (result.status == Status::kError) {
      client.nonsense = true;
      ExecuteNonsense(client, std::exchange(client.held, {}));
    }
    return;
  }
}

void RequestWriter::Ask(std::vector<std::string> args) {
  std::string wire;
  AppendWire(&wire, args);
  Execute(clients_->control(), std::move(args), wire, Asked::Part::kState);
}

void RequestWriter::Execute(OracleClient& client, std::vector<std::string> args,
                            std::string_view wire, Asked::Part part) {
  const Command* command = ReplyModel::Find(Views(args), profile_);
  const Client& state = *core_->FindOpenClient(client.core_id);
  const bool of_state = part == Asked::Part::kState;
  RequestFilter::Judgement judgement = filter_.Judge(state, command, args, of_state);
  if (!judgement.left_out.empty()) {
    ++counts_->left_out.try_emplace(std::move(judgement.left_out)).first->second;
    return;
  }
  clients_->Turn(client);
  if (!verdict_->going()) return;

  // The core must know the server's choice before it continues.
  const bool chooses = command != nullptr && choice_.IsChoice(state, *command, args);
  if (judgement.breaks_off || judgement.logs_in || chooses) reader_->Flush(client);
  if (!verdict_->going()) return;

  Asked& asked = log_->Add(client.number, part);
  const size_t number = log_->last();
  asked.command = command;
  asked.db = state.db;
  asked.protocol = state.protocol;
  core_wire_.assign(wire);
  if (command != nullptr) {
    bool rewritten = false;
    if (!of_state) {
      rewritten = times_.Rewrite(*command, &args);
      if (survey_->KeepsKeys()) rewritten |= MakeKeysOwn(*command, &args);
      if (!survey_->Has("flushall") || !survey_->Has("dbsize")) NoteKeys(*command, args);
    }
    if (rewritten) {
      core_wire_.clear();
      AppendWire(&core_wire_, args);
    }
    settings_changed_ |= command->role == CommandRole::kConfigSet;
    all_databases_ |= command->HasTrait(kOtherDatabase);
    // A server closes after the reply, which is suppressed (as in ExecuteNonsense()).
    client.stays_open =
        RepliesAreOff(state) && (command->role == CommandRole::kQuit || command->is_exec ||
                                 command->role == CommandRole::kKillClient);
    Describe(state, *command, args, &asked);
  }
  std::vector<std::string> server_args;
  if (command != nullptr && MapIds(*command, &args, &server_args)) {
    core_wire_.clear();
    AppendWire(&core_wire_, args);
    AppendWire(&client.connection->link.out(), server_args);
  } else {
    client.connection->link.out() += core_wire_;
  }
  asked.args = std::move(args);
  if (!verdict_->going()) return;
  if (chooses) {
    choice_.Take(client, &asked, core_wire_);
    if (!verdict_->going()) return;
  } else {
    core_->Receive(client.core_id, core_wire_);
  }
  const bool differs = !of_state && verdict_->MustBeAlone(asked);
  const bool refused = core_->Output(client.core_id).starts_with('-');
  TakeOutputs(client, number);
  AfterCore(client);
  // Broadcasts are sent once per turn: give each request its own turn.
  const bool broadcasts = !core_->prefix_table().empty();
  const bool closes = survey_->closes_after_errors() || verdict_->closes_after_errors();
  const bool alone = judgement.breaks_off || broadcasts || one_by_one_ || differs ||
                     survey_->closes_after_errors() || survey_->closes_after_replies() ||
                     (closes && refused);
  if (verdict_->going() && alone && core_->IsOpen(client.core_id)) reader_->Flush(client);
  if (!verdict_->going()) return;
  if (differs && verdict_->LeavesOtherData(log_->At(number)) && core_->IsOpen(client.core_id)) {
    verdict_->TakeOver(number);
  }
  verdict_->SpreadDoubt(number);
  const OracleConnection* const connection = client.connection;
  if (connection != nullptr && survey_->closes_after_replies()) {
    if (!verdict_->ClosedAfterEach(number)) clients_->Reconnect(client);
  } else if (connection != nullptr && (connection->closed || (closes && connection->after_error))) {
    clients_->Reconnect(client);
  } else if (one_by_one_ && !survey_->redis()) {
    reader_->CheckNothingFollows(client, number);
  }
}

bool RequestWriter::MakeKeysOwn(const Command& command, std::vector<std::string>* args) const {
  std::vector<int> positions;
  if (!KeyPositions(command, Views(*args), positions)) return false;
  for (const int at : positions) (*args)[static_cast<size_t>(at)].insert(0, key_prefix_);
  return !positions.empty();
}

void RequestWriter::NoteKeys(const Command& command, const std::vector<std::string>& args) {
  std::vector<int> positions;
  if (!KeyPositions(command, Views(args), positions)) return;
  for (const int at : positions) named_keys_.insert(args[static_cast<size_t>(at)]);
}

void RequestWriter::Describe(const Client& state, const Command& command,
                             const std::vector<std::string>& args, Asked* asked) {
  const Freedom freedom = command.traits().freedom;
  if ((freedom == Freedom::kPick || freedom == Freedom::kScan) && !state.multi) {
    asked->args = args;
    choice_.FindUniverse(state, asked);
  }
  if (!command.is_exec || !state.multi || state.dirty_cas || state.dirty_exec) return;
  std::vector<std::string_view> words;
  state.queue.Arguments(&words);
  for (size_t i = 0; i < state.queue.size(); ++i) {
    const CommandQueue::Entry& entry = state.queue.entry(i);
    Asked& queued = asked->queued.emplace_back();
    queued.command = entry.command;
    queued.began_ms = asked->began_ms;
    queued.protocol = state.protocol;
    const auto first = words.begin() + static_cast<ptrdiff_t>(entry.first);
    queued.args.assign(first, first + static_cast<ptrdiff_t>(entry.argc));
  }
}

void RequestWriter::ExecuteNonsense(OracleClient& client, std::string_view bytes) {
  clients_->Turn(client);
  if (!verdict_->going()) return;
  log_->Add(client.number, Asked::Part::kCase).args = {std::string(bytes)};
  client.connection->link.out() += bytes;
  // The server closes after the error, which is suppressed.
  client.stays_open = RepliesAreOff(*core_->FindClient(client.core_id));
  core_->Receive(client.core_id, bytes);
  TakeOutputs(client, log_->last());
  AfterCore(client);
}

// Takes the core's output for all clients.
void RequestWriter::TakeOutputs(OracleClient& client, size_t asked) {
  const auto take = [&](OracleClient& other) {
    std::string& output = core_->Output(other.core_id);
    if (output.empty()) return false;
    const bool own = &other == &client;
    if (!own && !other.silent.empty()) {
      // A blocked client was served: its request now has its reply.
      resp::ReplyParser parser;
      for (std::string_view rest = output; !rest.empty();) {
        const resp::ReplyParser::Result result = parser.Parse(rest);
        if (result.status != resp::ReplyParser::Status::kValue) {
          other.connection->Owe(rest, asked, false);  // compared as bytes
          break;
        }
        const size_t size = result.consumed;
        const bool push = parser.reply().root().type() == resp::Type::kPush || other.silent.empty();
        other.connection->Owe(rest.substr(0, size), push ? asked : other.silent.front(), !push);
        rest.remove_prefix(size);
        if (!push) other.silent.erase(other.silent.begin());
      }
    } else {
      other.connection->Owe(output, asked, own);
    }
    output.clear();
    return true;
  };
  for (size_t i = 0; i < clients_->count(); ++i) {
    if (&clients_->at(i) != &client) take(clients_->at(i));
  }
  client.unfenced = !take(client);
  if (client.unfenced) {
    client.silent.push_back(asked);
  } else {
    client.silent.clear();
  }
}

void RequestWriter::AfterCore(OracleClient& client) {
  for (size_t i = 0; i < clients_->count() && verdict_->going(); ++i) {
    OracleClient& other = clients_->at(i);
    if (core_->IsOpen(other.core_id) || other.connection == nullptr) continue;
    if (&other != &client) {
      reader_->Flush(client);
      if (!verdict_->going()) return;
      other.lossy = true;
      reader_->Read(other);
    } else {
      client.unfenced = false;
      reader_->Flush(client);
    }
    if (verdict_->going()) clients_->ReadClose(other);
  }
  if (!verdict_->going() || !core_->IsOpen(client.core_id)) return;
  OracleConnection& connection = *client.connection;
  if (connection.link.out().size() > kSegment) {
    // While the server works on this, read the replies to earlier requests and let the core
    // continue.
    reader_->Send(connection);
    reader_->Read(client, std::exchange(connection.sent, connection.expected.size()));
  } else if (connection.owed() > kMostOwed) {
    reader_->Flush(client);
  }
}

// CLIENT KILL ID, CLIENT UNBLOCK, CLIENT TRACKING REDIRECT: the connection ids are the server's
// own. An id that no client of the case has is unknown on both sides.
bool RequestWriter::MapIds(const Command& command, std::vector<std::string>* core,
                           std::vector<std::string>* server) {
  const std::string_view before = command.traits().id_after;
  if (before.empty()) return false;
  *server = *core;
  for (size_t i = 2; i < core->size(); ++i) {
    int64_t id = 0;
    if (!CommandContext::IsWord((*core)[i - 1], before)) continue;
    if (!ParseInt64((*core)[i], &id) || id <= 0) continue;
    constexpr int64_t kNobody = 1'000'000'000'000'000;
    (*server)[i] = std::to_string(id < kNobody ? id + kNobody : id);
    bool found = false;
    for (size_t j = 0; j < clients_->count() && verdict_->going(); ++j) {
      OracleClient& client = clients_->at(j);
      if (client.core_id != static_cast<uint64_t>(id) || !core_->IsOpen(client.core_id)) continue;
      const bool silent = client.connection == nullptr;
      if (silent) clients_->TakeConnection(client);
      // It must have sent HELLO, and its id must be known.
      if (verdict_->going() && (silent || client.connection->server_id == 0))
        reader_->Flush(client);
      if (!verdict_->going()) return false;
      (*server)[i] = std::to_string(client.connection->server_id);
      client.named = true;
      found = true;
    }
    if (!found) (*core)[i] = (*server)[i];
  }
  return true;
}

bool RequestWriter::Reset(OracleClient& client) {
  if (!survey_->Has("reset")) return false;
  if (client.connection == nullptr || !core_->IsOpen(client.core_id) || !client.held.empty() ||
      !client.requests.idle() || clients_->Waits(client)) {
    return false;
  }
  Asked& asked = log_->Add(client.number, Asked::Part::kBetween);
  asked.command = FindCommand("reset");
  asked.args = {"RESET"};
  constexpr std::string_view kReset = "*1\r\n$5\r\nRESET\r\n";
  core_->Receive(client.core_id, kReset);
  TakeOutputs(client, log_->last());
  client.connection->link.out() += kReset;
  return !client.unfenced;
}

}  // namespace resprobe::live
