#include "examples/tiny_server/tiny_server.h"

#include <algorithm>
#include <utility>

#include "examples/tiny_server/tiny_request.h"

namespace tiny {
namespace {

constexpr std::string_view kOk = "+OK\r\n";
constexpr std::string_view kSyntax = "-ERR syntax error\r\n";
constexpr int64_t kLongestMs = 1'000'000'000'000'000;

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  }
  return lower;
}

std::string Integer(int64_t number) { return ":" + std::to_string(number) + "\r\n"; }
std::string Bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}
std::string Header(char mark, size_t count) { return mark + std::to_string(count) + "\r\n"; }

}  // namespace

const Server::Command Server::kCommands[] = {
    {"client", 3, 4, &Server::Client},
    {"dbsize", 1, 1, &Server::Dbsize},
    {"del", 2, SIZE_MAX, &Server::Del},
    {"echo", 2, 2, &Server::Echo},
    {"exists", 2, SIZE_MAX, &Server::Exists},
    {"flushall", 1, 1, &Server::Flush},
    {"flushdb", 1, 1, &Server::Flush},
    {"get", 2, 2, &Server::Get},
    {"hello", 1, 2, &Server::Hello},
    {"keys", 2, 2, &Server::Keys},
    {"mset", 3, SIZE_MAX, &Server::Mset},
    {"pexpire", 3, 3, &Server::Pexpire},
    {"ping", 1, 2, &Server::Ping},
    {"scan", 2, 4, &Server::Scan},
    {"set", 3, 5, &Server::Set},
    {"type", 2, 2, &Server::Type},
};

void Server::OnConnect(Session& session) {
  session.id = next_id_++;
  sessions_.push_back(&session);
}

void Server::OnHangup(Session& session) {
  std::erase(sessions_, &session);
  for (auto& [key, readers] : readers_) std::erase(readers, &session);
}

void Server::OnData(Session& session, std::string_view bytes) {
  session.input += bytes;
  Args args;
  std::string error;
  while (!session.closed) {
    switch (TakeRequest(&session.input, &args, &error)) {
      case Parsed::kMore:
        return;
      case Parsed::kBroken:
        session.output += "-ERR " + error + "\r\n";
        session.closed = true;
        session.tracking = false;  // stop sending pushes to it
        return;
      case Parsed::kRequest:
        if (!args.empty()) Execute(session, args);
    }
  }
}

void Server::Execute(Session& session, const Args& args) {
  Call call{session, args, {}};
  const std::string name = Lower(args[0]);
  const auto* const command = std::ranges::find(kCommands, name, &Command::name);
  if (command == std::end(kCommands)) {
    call.reply = "-ERR unknown command\r\n";
  } else if (args.size() < command->least || args.size() > command->most) {
    call.reply = "-ERR wrong number of arguments\r\n";
  } else {
    (this->*command->run)(call);
  }
  session.output += call.reply;
  for (auto& [reader, push] : std::exchange(pushes_, {})) reader->output += push;
}

bool Server::Expired(const Value& value) const {
  return value.deadline != 0 && clock_() >= value.deadline;
}

Server::Value* Server::Find(const std::string& key) {
  const auto found = values_.find(key);
  if (found == values_.end()) return nullptr;
  if (!Expired(found->second)) return &found->second;
  Remove(key, nullptr);
  return nullptr;
}

void Server::Remove(const std::string& key, const Session* by) {
  values_.erase(key);
  Invalidate(key, by);
}

void Server::Invalidate(const std::string& key, const Session* by) {
  const auto found = readers_.find(key);
  if (found == readers_.end()) return;
  const std::string push = Header('>', 2) + Bulk("invalidate") + Header('*', 1) + Bulk(key);
  for (Session* const reader : found->second) {
    if (reader->tracking && !(reader->noloop && reader == by)) pushes_.emplace_back(reader, push);
  }
  readers_.erase(found);
}

std::string Server::Names() const {
  std::string names;
  for (const auto& [key, value] : values_) {
    if (!Expired(value)) names += Bulk(key);
  }
  return Header('*', Count()) + names;
}

size_t Server::Count() const {
  return static_cast<size_t>(
      std::ranges::count_if(values_, [&](const auto& entry) { return !Expired(entry.second); }));
}

int64_t Server::Deadline(const std::string& text, int64_t unit) const {
  const std::optional<int64_t> number = ParseNumber(text);
  if (!number || *number <= 0 || *number > kLongestMs / unit) return 0;
  return clock_() + *number * unit;
}

// CLIENT TRACKING ON [NOLOOP], CLIENT TRACKING OFF.
void Server::Client(Call& call) {
  Session& session = call.session;
  const std::string mode = Lower(call.args[2]);
  const bool noloop = call.args.size() == 4 && Lower(call.args[3]) == "noloop";
  if (Lower(call.args[1]) != "tracking" || (call.args.size() == 4 && !noloop) ||
      (mode != "on" && mode != "off") || (mode == "on" && !session.resp3)) {
    call.reply = kSyntax;
    return;
  }
  session.tracking = mode == "on";
  session.noloop = noloop;
  call.reply = kOk;
}

void Server::Dbsize(Call& call) {
  const bool all = fault_ == Fault::kDbsizeCountsExpired;
  call.reply = Integer(static_cast<int64_t>(all ? values_.size() : Count()));
}

void Server::Del(Call& call) {
  int64_t removed = 0;
  for (size_t i = 1; i < call.args.size(); ++i) {
    if (Find(call.args[i]) == nullptr) continue;
    Remove(call.args[i], &call.session);
    ++removed;
  }
  call.reply = Integer(removed);
}

void Server::Echo(Call& call) { call.reply = Bulk(call.args[1]); }

void Server::Exists(Call& call) {
  call.reply = Integer(std::count_if(call.args.begin() + 1, call.args.end(),
                                     [&](const std::string& key) { return Find(key) != nullptr; }));
}

void Server::Flush(Call& call) {
  values_.clear();
  readers_.clear();
  for (Session* const session : sessions_) {
    if (session->tracking) {
      pushes_.emplace_back(session, Header('>', 2) + Bulk("invalidate") + "_\r\n");
    }
  }
  call.reply = kOk;
}

void Server::Get(Call& call) {
  const std::string& key = call.args[1];
  const Value* const value = Find(key);
  if (call.session.tracking) {
    std::vector<Session*>& readers = readers_[key];
    if (std::ranges::find(readers, &call.session) == readers.end()) {
      readers.push_back(&call.session);
    }
  }
  call.reply = value != nullptr ? Bulk(value->text) : call.session.resp3 ? "_\r\n" : "$-1\r\n";
}

void Server::Hello(Call& call) {
  if (call.args.size() == 2) {
    if (call.args[1] != "2" && call.args[1] != "3") {
      call.reply = "-NOPROTO unsupported protocol version\r\n";
      return;
    }
    call.session.resp3 = call.args[1] == "3";
    call.session.tracking = call.session.tracking && call.session.resp3;
  }
  const bool resp3 = call.session.resp3;
  call.reply = Header(resp3 ? '%' : '*', resp3 ? 3 : 6) + Bulk("server") + Bulk("tiny") +
               Bulk("proto") + Integer(resp3 ? 3 : 2) + Bulk("id") +
               Integer(static_cast<int64_t>(call.session.id));
}

void Server::Keys(Call& call) {
  call.reply = call.args[1] == "*" ? Names() : "-ERR the only pattern here is *\r\n";
}

void Server::Mset(Call& call) {
  if (call.args.size() % 2 == 0) {
    call.reply = "-ERR wrong number of arguments\r\n";
    return;
  }
  for (size_t i = 1; i < call.args.size(); i += 2) {
    values_[call.args[i]] = {call.args[i + 1], 0};
    Invalidate(call.args[i], &call.session);
  }
  call.reply = kOk;
}

void Server::Pexpire(Call& call) {
  const std::optional<int64_t> ms = ParseNumber(call.args[2]);
  if (!ms || *ms > kLongestMs) {
    call.reply = "-ERR value is not an integer or out of range\r\n";
    return;
  }
  Value* const value = Find(call.args[1]);
  if (value != nullptr && *ms <= 0) {
    Remove(call.args[1], &call.session);
  } else if (value != nullptr) {
    value->deadline = clock_() + *ms;
    Invalidate(call.args[1], &call.session);
  }
  call.reply = Integer(value != nullptr ? 1 : 0);
}

void Server::Ping(Call& call) {
  call.reply = call.args.size() == 2 ? Bulk(call.args[1]) : "+PONG\r\n";
}

void Server::Scan(Call& call) {
  const bool counted = call.args.size() == 4 && Lower(call.args[2]) == "count";
  if (call.args[1] != "0" || (call.args.size() != 2 && !counted)) {
    call.reply = kSyntax;
    return;
  }
  call.reply = Header('*', 2) + Bulk("0") + Names();
}

void Server::Set(Call& call) {
  const Args& args = call.args;
  int64_t deadline = 0;
  if (args.size() != 3) {
    const std::string unit = Lower(args[3]);
    if (args.size() != 5 || (unit != "ex" && unit != "px")) {
      call.reply = kSyntax;
      return;
    }
    deadline = Deadline(args[4], unit == "ex" ? 1000 : 1);
    if (deadline == 0) {
      call.reply = "-ERR invalid expire time in 'set' command\r\n";
      return;
    }
  }
  const Value* const old = Find(args[1]);
  if (fault_ == Fault::kSetKeepsDeadline && old != nullptr && deadline == 0) {
    deadline = old->deadline;
  }
  values_[args[1]] = {args[2], deadline};
  Invalidate(args[1], &call.session);
  call.reply = kOk;
}

void Server::Type(Call& call) {
  call.reply = Find(call.args[1]) != nullptr ? "+string\r\n" : "+none\r\n";
}

}  // namespace tiny
