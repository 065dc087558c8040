#include "live/oracle/server_choice.h"

#include <cstdint>
#include <span>
#include <sstream>
#include <utility>

#include "core/resp/reply_parser.h"
#include "core/server/client.h"
#include "live/oracle/oracle_requests.h"

namespace resprobe::live {
bool ServerChoice::Probe(int db, const std::vector<std::string>& args,
                         std::vector<std::string>* leaves) {
  const uint64_t id = clients_->control().core_id;
  std::string wire;
  AppendWire(&wire, {"SELECT", std::to_string(db)});
  AppendWire(&wire, args);
  std::string before = std::exchange(core_->Output(id), {});
  core_->Receive(id, wire);
  std::string output = std::exchange(core_->Output(id), std::move(before));
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

void ServerChoice::FindUniverse(const Client& state, Asked* asked) {
  const std::vector<std::string>& args = asked->args;
  const std::string_view universe = asked->command->traits().universe;
  const bool scans = asked->command->traits().freedom == Freedom::kScan;
  if (!asked->command->ArityFits(args.size())) return;
  std::vector<std::string> question;
  if (!universe.empty()) {
    // Not SCAN itself, which would delete expired keys.
    std::istringstream words{std::string(universe)};
    for (std::string word; words >> word;) question.push_back(word == "key" ? args[1] : word);
    asked->universe_complete = scans && args.size() == 2;
  } else {
    // All elements at once.
    question = args;
    question[CursorPosition(*asked->command)] = "0";
    question.insert(question.end(), {"COUNT", "100000000"});
    asked->universe_complete = true;
  }
  // Accessing an expired key would delete it.
  const bool has_key = asked->command->spec->keys.kind != KeySpec::Kind::kNone;
  if (has_key && core_->keyspace().Peek(state.db, args[1]) == nullptr) return;
  asked->universe_known = Probe(state.db, question, &asked->universe);
  if (asked->universe_known && has_key && scans) {
    asked->universe.erase(asked->universe.begin());  // the cursor
  }
}

bool ServerChoice::IsChoice(const Client& state, const Command& command,
                            const std::vector<std::string>& args) const {
  const auto pops = [](const Command& c, size_t argc) {
    return c.traits().freedom == Freedom::kPop && c.ArityFits(argc);
  };
  if (command.is_exec && state.multi && !state.dirty_cas && !state.dirty_exec) {
    for (size_t i = 0; i < state.queue.size(); ++i) {
      const CommandQueue::Entry& entry = state.queue.entry(i);
      if (pops(*entry.command, entry.argc)) return true;
    }
    return false;
  }
  if (state.multi || !pops(command, args.size())) return false;
  if (state.subscribed && state.protocol == 2) return false;
  const Object* object = core_->keyspace().Peek(state.db, args[1]);
  return object != nullptr && object->type() == ObjectType::kSet;
}

void ServerChoice::Take(OracleClient& client, Asked* asked, std::string_view core_wire) {
  reader_->Send(*client.connection);
  ReplyReader::Arrived arrived;
  const SentValue* choice = nullptr;
  while (choice == nullptr) {
    if (!reader_->Parse(client, &arrived)) break;
    for (const SentValue& value : arrived.values) {
      if (choice == nullptr && value.reply.root().type() != resp::Type::kPush) choice = &value;
    }
    if (choice != nullptr) break;
    const ReplyReader::Wait wait = reader_->WaitFor(client);
    if (wait == ReplyReader::Wait::kFailed) return;
    if (wait != ReplyReader::Wait::kMore) break;
  }
  Client& state = *core_->FindOpenClient(client.core_id);
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
    core_->Receive(client.core_id, core_wire);
    return;
  }
  const resp::ReplyView chosen = choice->reply.root();
  if (!asked->command->is_exec) {
    const std::vector<std::string> members = leaves(chosen);
    std::string wire(core_wire);
    if (!members.empty()) {
      asked->popped = true;
      const Object* object = core_->keyspace().Peek(state.db, asked->args[1]);
      asked->population = static_cast<int64_t>(object->size());
      wire.clear();
      AppendWire(&wire, removal(asked->args[1], members));
    }
    core_->Receive(client.core_id, wire);
    return;
  }
  if (chosen.type() == resp::Type::kArray && chosen.size() == asked->queued.size()) {
    state.queue.Clear();
    auto reply = chosen.begin();
    for (Asked& queued : asked->queued) {
      const std::vector<std::string> members = leaves(*reply);
      ++reply;
      if (queued.command->traits().freedom == Freedom::kPop && !members.empty()) {
        queued.popped = true;
        state.queue.Add(*FindCommand("srem"), Views(removal(queued.args[1], members)));
      } else {
        state.queue.Add(*queued.command, Views(queued.args));
      }
    }
  }
  core_->Receive(client.core_id, core_wire);
}

}  // namespace resprobe::live
