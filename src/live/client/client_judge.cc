#include "live/client/client_judge.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/resp/reply_parser.h"
#include "engine/quote.h"

namespace resprobe::live {
namespace {

using nlohmann::json;

// What clients send on their own.
constexpr std::string_view kOwnRequests[] = {"AUTH", "CLIENT",   "COMMAND", "DISCARD", "ECHO",
                                             "EXEC", "HELLO",    "INFO",    "MULTI",   "PING",
                                             "QUIT", "READONLY", "RESET",   "SELECT",  "UNWATCH"};

std::string UpperCase(std::string_view word) {
  std::string upper(word);
  for (char& c : upper) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return upper;
}

json ToJson(const resp::ReplyView& value) {
  switch (value.type()) {
    case resp::Type::kInteger:
      return value.integer();
    case resp::Type::kNull:
      return nullptr;
    case resp::Type::kBoolean:
      return value.boolean();
    default:
      break;
  }
  if (value.is_error()) return {{"error", std::string(value.text())}};
  if (!value.is_aggregate()) return std::string(value.text());
  json array = json::array();
  for (const resp::ReplyView element : value) array.push_back(ToJson(element));
  return array;
}

// A confirmation, whose last element is the number of the subscriptions.
bool Confirms(const json& reply, const json& expected) {
  return reply.is_array() && reply.size() == 3 && expected.size() == 2 && reply[0] == expected[0] &&
         reply[1] == expected[1];
}

// The number of the tag that a word is or begins with: "t7", "t7:xxxx"; 0 if it is none.
uint64_t TagOf(std::string_view word) {
  if (!word.starts_with('t')) return 0;
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(word.data() + 1, word.data() + word.size(), number);
  const bool whole = end == word.data() + word.size() || *end == ':';
  return error == std::errc() && whole ? number : 0;
}

}  // namespace

std::string ShownJson(const json& value) {
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > kShownBytes) {
    text = text.substr(0, kShownBytes) + "… (" + std::to_string(text.size()) + " bytes)";
  }
  return text;
}

std::string ClientJudge::NameOf(const Command& command) {
  std::string line = WordsLine(command.words);
  constexpr size_t kMost = 40;
  if (line.size() > kMost) line = line.substr(0, kMost) + "…";
  return "command " + std::to_string(command.id) + " (" + line + ")";
}

std::string ClientJudge::WithoutPort(std::string text) const {
  const std::string port = std::to_string(peer_->port());
  for (size_t at = 0; (at = text.find(port, at)) != text.npos;)
    text.replace(at, port.size(), "PORT");
  if (text.size() > kShownBytes) text.resize(kShownBytes);
  return text;
}

void ClientJudge::Begin(const ClientContract& contract, RunContext* run) {
  run_ = run;
  contract_ = contract;
  commands_.clear();
  pending_.clear();
  subscriptions_.clear();
  written_.clear();
  last_reply_.clear();
  broken_.clear();
  messages_ = cancels_ = closes_ = failed_ = timeouts_ = 0;
  states_.clear();
  connected_ = false;
}

// --- The program.

ClientJudge::Command& ClientJudge::Give(std::vector<std::string> words, bool writes) {
  const uint64_t id = commands_.size() + 1;
  Command& command = commands_[id];
  command.id = id;
  command.words = std::move(words);
  command.writes = writes;
  pending_.insert(id);
  ++counts_->commands;
  return command;
}

ClientJudge::Command& ClientJudge::Subscribe() {
  Command& command = Give({"SUBSCRIBE", NextTag()}, /*writes=*/false);
  command.subscribes = true;
  subscriptions_.push_back(command.id);
  return command;
}

void ClientJudge::Cancel(Command& command) {
  command.cancelled = true;
  ++cancels_;
}

void ClientJudge::EndClose() {
  for (auto& [id, command] : commands_) command.closed = true;
  if (run_->violated()) return;
  if (!CheckAllDone(", once the client is closed")) return;
  run_->Check(!connected_, "true_state", "disconnected, once the client is closed",
              [&] { return "it has told: " + ShownJson(states_); });
}

std::string ClientJudge::Publish(Command& command) {
  command.published.push_back(++messages_);
  return "m" + std::to_string(messages_);
}

// --- The peer.

void ClientJudge::OnServed(size_t connection, std::span<const std::string_view> request,
                           std::string_view answer) {
  if (UpperCase(request[0]) == "SUBSCRIBE") return OnSubscribed(connection, request);
  uint64_t id = 0;
  for (const std::string_view word : request.subspan(1)) {
    if (id == 0) id = TagOf(word);
  }
  const auto found = commands_.find(id);
  if (found == commands_.end()) {
    run_->Check(std::ranges::find(kOwnRequests, UpperCase(request[0])) != std::end(kOwnRequests),
                "well_formed", "a request that the client was given",
                [&] { return WordsLine(request); });
    return;
  }
  Command& command = found->second;
  run_->trace().Line(
      [&] { return "connection " + std::to_string(connection) + " receives " + NameOf(command); });
  if (!run_->Check(
          std::ranges::equal(request, command.words), "well_formed",
          [&] { return WordsLine(command.words).substr(0, kShownBytes); },
          [&] { return WordsLine(request).substr(0, kShownBytes); })) {
    return;
  }
  ++command.served;
  command.connection = connection;
  if (command.writes) written_.insert(command.words[1]);
  resp::ReplyParser parser;
  if (parser.Parse(answer).status == resp::ReplyParser::Status::kValue) {
    command.reply = ToJson(parser.reply().root());
  }
  if (!run_->Check(
          command.served == 1 || (contract_.retry && !command.writes), "sent_once",
          [&] { return NameOf(command) + " once: it may have been done"; },
          [&] { return "it is sent " + std::to_string(command.served) + " times"; })) {
    return;
  }
  const auto broken = broken_.find(connection);
  run_->Check(broken == broken_.end() || command.id <= broken->second, "no_use_after_error",
              "a new connection after a protocol error",
              [&] { return NameOf(command) + " on the same one"; });
}

// A subscriber that reconnects subscribes again, to all its channels at once.
void ClientJudge::OnSubscribed(size_t connection, std::span<const std::string_view> request) {
  for (const std::string_view word : request.subspan(1)) {
    const auto found = commands_.find(TagOf(word));
    if (!run_->Check(found != commands_.end() && found->second.subscribes, "well_formed",
                     "a channel that the client was given", [&] { return WordsLine(request); })) {
      return;
    }
    Command& command = found->second;
    run_->trace().Line([&] {
      return "connection " + std::to_string(connection) + " receives " + NameOf(command);
    });
    ++command.served;
    command.connection = connection;
    command.reply = {"subscribe", std::string(word)};
  }
}

void ClientJudge::OnMalformed(size_t connection, std::string_view error) {
  run_->Fail("well_formed", "requests",
             "connection " + std::to_string(connection) + ": " + std::string(error));
}

// --- The driver.

bool ClientJudge::Take(const json& said) {
  if (!said.is_object()) return false;
  if (said.contains("message")) {
    TakeMessage(said);
  } else if (said.contains("push") && said.size() == 1) {
    TakePush(said["push"]);
  } else if (said.contains("id")) {
    TakeResult(said);
  } else {
    return said.contains("state") && said.size() == 1 && TakeState(said["state"]);
  }
  return true;
}

bool ClientJudge::TakeState(const json& state) {
  if (state != "connected" && state != "disconnected") return false;
  // Not for the trace: when a client tells a state is up to the operating system.
  states_.push_back(state);
  const bool again = connected_ && state == "connected";
  connected_ = state == "connected";
  run_->Check(!again, "true_state", "connected once, until it is disconnected",
              [&] { return "it has told: " + ShownJson(states_); });
  return true;
}

void ClientJudge::TakeResult(const json& line) {
  const uint64_t id = line["id"].is_number_unsigned() ? line["id"].get<uint64_t>() : 0;
  const bool is_error = line.contains("error");
  const auto found = commands_.find(id);
  if (found == commands_.end()) {
    run_->Fail("called_once", "the result of a command", ShownJson(line));
    return;
  }
  Command& command = found->second;
  if (!run_->Check(!command.done, "called_once", "one result",
                   [&] { return NameOf(command) + " gets another: " + ShownJson(line); })) {
    return;
  }
  command.done = true;
  pending_.erase(id);
  if (is_error) return TakeError(command, line);
  const json reply = line.value("reply", json());
  run_->trace().Line([&] { return NameOf(command) + " gets " + ShownJson(reply); });
  ++counts_->replies;
  command.got_reply = command.answered = true;
  command.owed = command.published.size();
  command.result = {{"gets", reply}};
  if (!run_->Check(!command.closed, "no_reply_after_end", "no reply after close",
                   [&] { return NameOf(command) + " gets " + ShownJson(reply); })) {
    return;
  }
  if (!run_->Check(states_.empty() || connected_ || command.subscribes, "true_state",
                   "no reply while it is disconnected", [&] {
                     return NameOf(command) + " gets " + ShownJson(reply) +
                            "; it has told: " + ShownJson(states_);
                   })) {
    return;
  }
  if (command.served == 0) {
    run_->Check(!peer_->always_honest(), "own_reply",
                "no reply: the peer has not received the command",
                [&] { return NameOf(command) + " gets " + ShownJson(reply); });
    return;
  }
  if (!peer_->honest(command.connection)) return;
  if (!run_->Check(
          reply == command.reply || (command.subscribes && Confirms(reply, command.reply)),
          "own_reply", [&] { return NameOf(command) + " gets " + ShownJson(command.reply); },
          [&] { return "it gets " + ShownJson(reply); })) {
    return;
  }
  uint64_t& last = last_reply_[command.connection];
  run_->Check(
      id > last, "in_order", [&] { return "replies to commands after " + std::to_string(last); },
      [&] { return NameOf(command); });
  last = id;
}

void ClientJudge::TakeMessage(const json& line) {
  const uint64_t id =
      line.contains("id") && line["id"].is_number_unsigned() ? line["id"].get<uint64_t>() : 0;
  const auto found = commands_.find(id);
  if (found == commands_.end() || !found->second.subscribes) {
    run_->Fail("messages", "the message of a subscription", ShownJson(line));
    return;
  }
  Command& command = found->second;
  if (!run_->Check(!command.closed, "no_reply_after_end", "no message after close",
                   [&] { return ShownJson(line); })) {
    return;
  }
  if (!peer_->always_honest()) return;
  run_->trace().Line([&] { return NameOf(command) + " gets " + ShownJson(line["message"]); });
  const std::string text = line["message"].is_string() ? line["message"].get<std::string>() : "";
  const auto next = std::find_if(
      command.published.begin() + static_cast<ptrdiff_t>(command.received), command.published.end(),
      [&](uint64_t number) { return text == "m" + std::to_string(number); });
  if (!run_->Check(next != command.published.end(), "messages",
                   "the next messages of its channel, once each",
                   [&] { return NameOf(command) + " gets " + ShownJson(line["message"]); })) {
    return;
  }
  const auto index = static_cast<size_t>(next - command.published.begin());
  // Messages may be missing if connections have ended in between.
  if (!run_->Check(index <= std::max(command.received, command.owed) || !OwesAll(command),
                   "messages", "every message, while its connection lasts", [&] {
                     return NameOf(command) + " gets " + ShownJson(line["message"]) +
                            " and lacks one before it";
                   })) {
    return;
  }
  command.received = index + 1;
}

void ClientJudge::TakePush(const json& push) {
  if (!peer_->always_honest()) return;
  run_->trace().Line([&] { return "push " + ShownJson(push); });
  if (peer_->counts()[ToxicKind::kPush] > 0) return;  // the toxic pushes what was not written
  const bool is_one = contract_.push && push.is_array() && push.size() == 2 &&
                      push[0] == "invalidate" && push[1].is_array() &&
                      std::ranges::all_of(push[1], [&](const json& key) {
                        return key.is_string() && written_.contains(key.get<std::string>());
                      });
  run_->Check(is_one, "messages", "an invalidation of keys that were written",
              [&] { return "the push " + ShownJson(push); });
}

bool ClientJudge::OwesAll(const Command& command) const {
  return peer_->always_honest() && peer_->ends() == 0 && failed_ == 0 && !contract_.timeout &&
         command.got_reply && !command.closed && command.served == 1;
}

const ClientJudge::Command* ClientJudge::Missing() const {
  for (const uint64_t id : subscriptions_) {
    const Command& command = commands_.at(id);
    const size_t next = std::max(command.received, command.owed);
    if (OwesAll(command) && next < command.published.size()) return &command;
  }
  return nullptr;
}

void ClientJudge::TakeError(Command& command, const json& line) {
  const std::string text = line["error"].is_string() ? line["error"].get<std::string>() : "";
  const std::string kind = line.value("kind", "other");
  run_->trace().Line(
      [&] { return NameOf(command) + " fails: " + kind + ": " + WithoutPort(text); });
  ++counts_->errors[kind];
  ++failed_;
  command.result = {{"fails", kind}};
  const auto check = [&](bool holds, const char* expected) {
    return run_->Check(holds, "true_error", expected, [&] {
      return NameOf(command) + " fails: " + kind + ": " + WithoutPort(text);
    });
  };
  const bool own_close = cancels_ > 0 || closes_ > 0;
  if (kind == "server") {
    command.answered = true;
    if (command.served == 0 || !peer_->honest(command.connection)) {
      check(!peer_->always_honest(), "no error of a server: it has not received the command");
      return;
    }
    const std::string sent = command.reply.is_object() ? command.reply.value("error", "") : "";
    run_->Check(
        !sent.empty() && !text.empty() && (sent.contains(text) || text.contains(sent)), "own_reply",
        [&] { return NameOf(command) + " gets " + ShownJson(command.reply); },
        [&] { return "it fails: " + WithoutPort(text); });
  } else if (kind == "timeout") {
    ++timeouts_;
    check(contract_.timeout, "no timeout: none was set");
  } else if (kind == "closed") {
    check(peer_->ends() > 0 || own_close || !peer_->always_honest() || contract_.timeout,
          "no end of a connection: the peer has ended none");
  } else if (kind == "protocol") {
    if (!check(!peer_->always_honest(), "no protocol error: the peer keeps the protocol")) return;
    if (command.served > 0) {
      const uint64_t given = commands_.empty() ? 0 : commands_.rbegin()->first;
      broken_.emplace(command.connection, given);
    }
  } else if (kind == "cancelled") {
    check(command.cancelled || command.closed, "no cancellation: it was not cancelled");
  } else {
    ++counts_->others[WithoutPort(text)];
    check(peer_->ends() > 0 || own_close || !peer_->always_honest() || contract_.timeout,
          "no error: the peer has done nothing wrong");
  }
}

// --- Checks.

bool ClientJudge::CheckDone(const Command& command) {
  return run_->Check(command.done, "called_once", "one result",
                     [&] { return "none for " + NameOf(command) + ", and the call has ended"; });
}

bool ClientJudge::CheckAllDone(const std::string& when) {
  return run_->Check(
      pending_.empty(), "called_once", [&] { return "a result for every command" + when; },
      [&] { return "none for " + NameOf(OldestPending()); });
}

bool ClientJudge::CheckMessages() {
  const Command* const misses = Missing();
  return run_->Check(
      misses == nullptr, "messages", "every message, while its connection lasts", [&] {
        return NameOf(*misses) + " lacks m" +
               std::to_string(misses->published[std::max(misses->received, misses->owed)]);
      });
}

}  // namespace resprobe::live
