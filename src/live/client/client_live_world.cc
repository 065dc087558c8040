#include "live/client/client_live_world.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "core/resp/reply_parser.h"
#include "engine/quote.h"

namespace resprobe {

RESPROBE_WORLD_TEMPLATES(, live::ClientLiveWorld);

}  // namespace resprobe

namespace resprobe::live {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr size_t kMostBytes = 64 * 1024;  // of an upload or download
constexpr size_t kMostPipelined = 16;
constexpr int kMostHangups = 16;        // in one call
constexpr int kHangupsUntilHealed = 4;  // likewise
// Of a client that connects again and again, for no end, while each connection fails.
constexpr size_t kConnectionsUntilHealed = 50;  // in one call
constexpr size_t kMostConnections = 500;        // likewise
constexpr int kTriesToComeBack = 3;
constexpr int kMostLeftovers = 64;  // answers that are no tries
constexpr size_t kShownBytes = 200;
constexpr std::string_view kKeys[] = {"a", "b", "c"};
// What clients send on their own.
constexpr std::string_view kOwnRequests[] = {"AUTH", "CLIENT",   "COMMAND", "DISCARD", "ECHO",
                                             "EXEC", "HELLO",    "INFO",    "MULTI",   "PING",
                                             "QUIT", "READONLY", "RESET",   "SELECT",  "UNWATCH"};

std::string Shown(const json& value) {
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > kShownBytes) {
    text = text.substr(0, kShownBytes) + "… (" + std::to_string(text.size()) + " bytes)";
  }
  return text;
}

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

// Without exit(): libFuzzer takes that for a failure. The driver's guard ends the driver.
[[noreturn]] void EndProcess(const std::string& why) {
  std::fprintf(stderr, "resprobe: client_live: %s\n", why.c_str());
  std::fflush(stderr);
  std::_Exit(2);
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

ClientLiveWorld::ClientLiveWorld(Options options) : options_(std::move(options)) {
  if (!options_.driver.empty()) return;
  if (const char* driver = std::getenv("RESPROBE_CLIENT_DRIVER")) options_.driver = driver;
}

ClientLiveWorld::~ClientLiveWorld() { EndDriver(); }

void ClientLiveWorld::EndDriver() {
  // A forked child must not end what its parent uses.
  // NOLINTNEXTLINE(bugprone-unused-return-value)
  if (owner_ != getpid()) static_cast<void>(driver_.release());
  driver_.reset();
}

bool ClientLiveWorld::Open(std::string* error) {
  if (driver_ != nullptr && owner_ == getpid() && !driver_->ended()) return true;
  if (options_.driver.empty()) {
    *error = "no client to test: name its driver with --driver (RESPROBE_CLIENT_DRIVER)";
    return false;
  }
  EndDriver();
  owner_ = getpid();
  driver_ = ClientDriver::Start(options_.driver, options_.stop, error);
  if (driver_ == nullptr) return false;
  client_ = driver_->name();
  if (Try(error)) return true;
  EndDriver();
  return false;
}

// What a driver cannot do at all is no fault of its client.
bool ClientLiveWorld::Try(std::string* error) {
  RunContext run(Trace::Mode::kOff);
  const bool begun = Begin(Config(), run, error);
  if (begun) {
    OpenClient();
    Do(Close());
    if (run.violated()) {
      *error = "the driver '" + options_.driver + "' cannot open and close its client: expected " +
               run.violation().expected + ", seen: " + run.violation().seen;
    } else if (stopped_) {
      *error = "interrupted before the driver '" + options_.driver + "' was ready";
    } else {
      *error = trouble_;
    }
  }
  run_ = nullptr;
  finished_ = true;
  return begun && error->empty();
}

void ClientLiveWorld::Trouble(const std::string& what) {
  trouble_ = "the driver '" + options_.driver + "' " + what + " (docs/client-drivers.md)";
  // While it is tried, there is no run yet.
  if (!options_.exit_on_trouble || finished_) return;
  EndProcess(trouble_);
}

// --- The peer's side.

void ClientLiveWorld::OnServed(size_t connection, std::span<const std::string_view> request,
                               std::string_view answer) {
  if (over()) return;
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
          command.served == 1 || (config_.retry && !command.writes), "sent_once",
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
void ClientLiveWorld::OnSubscribed(size_t connection, std::span<const std::string_view> request) {
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

void ClientLiveWorld::OnMalformed(size_t connection, std::string_view error) {
  if (over()) return;
  run_->Fail("well_formed", "requests",
             "connection " + std::to_string(connection) + ": " + std::string(error));
}

void ClientLiveWorld::OnEvent(std::string_view event) { run_->trace().Line(event); }

// --- The driver's side.

std::string ClientLiveWorld::NameOf(const Command& command) {
  std::string line = WordsLine(command.words);
  constexpr size_t kMost = 40;
  if (line.size() > kMost) line = line.substr(0, kMost) + "…";
  return "command " + std::to_string(command.id) + " (" + line + ")";
}

std::string ClientLiveWorld::WithoutPort(std::string text) const {
  const std::string port = std::to_string(peer_.port());
  for (size_t at = 0; (at = text.find(port, at)) != text.npos;)
    text.replace(at, port.size(), "PORT");
  if (text.size() > kShownBytes) text.resize(kShownBytes);
  return text;
}

void ClientLiveWorld::TakeLines() {
  driver_->Exchange();
  for (std::string line; !over() && driver_->NextLine(&line);) {
    const json said = json::parse(line, nullptr, false);
    if (said.is_object() && said.contains("message")) {
      TakeMessage(said);
    } else if (said.is_object() && said.contains("push") && said.size() == 1) {
      TakePush(said["push"]);
    } else if (said.is_object() && said.contains("id")) {
      TakeResult(said);
    } else if (said.is_object() && said.contains("ready") && !ready_) {
      ready_ = true;
    } else {
      Trouble("prints a line that answers no request: " + line.substr(0, kShownBytes));
    }
  }
  if (driver_->rambles()) Trouble("prints a line without an end");
}

void ClientLiveWorld::TakeResult(const json& line) {
  const uint64_t id = line["id"].is_number_unsigned() ? line["id"].get<uint64_t>() : 0;
  const bool is_error = line.contains("error");
  const auto found = commands_.find(id);
  if (found == commands_.end()) {
    run_->Fail("called_once", "the result of a command", Shown(line));
    return;
  }
  Command& command = found->second;
  if (!run_->Check(!command.done, "called_once", "one result",
                   [&] { return NameOf(command) + " gets another: " + Shown(line); })) {
    return;
  }
  command.done = true;
  pending_.erase(id);
  if (is_error) return TakeError(command, line);
  const json reply = line.value("reply", json());
  run_->trace().Line([&] { return NameOf(command) + " gets " + Shown(reply); });
  ++totals_.replies;
  command.got_reply = command.answered = true;
  command.owed = command.published.size();
  command.result = {{"gets", reply}};
  if (!run_->Check(!command.closed, "no_reply_after_end", "no reply after close",
                   [&] { return NameOf(command) + " gets " + Shown(reply); })) {
    return;
  }
  if (command.served == 0) {
    run_->Check(!peer_.always_honest(), "own_reply",
                "no reply: the peer has not received the command",
                [&] { return NameOf(command) + " gets " + Shown(reply); });
    return;
  }
  if (!peer_.honest(command.connection)) return;
  if (!run_->Check(
          reply == command.reply || (command.subscribes && Confirms(reply, command.reply)),
          "own_reply", [&] { return NameOf(command) + " gets " + Shown(command.reply); },
          [&] { return "it gets " + Shown(reply); })) {
    return;
  }
  uint64_t& last = last_reply_[command.connection];
  run_->Check(
      id > last, "in_order", [&] { return "replies to commands after " + std::to_string(last); },
      [&] { return NameOf(command); });
  last = id;
}

void ClientLiveWorld::TakeMessage(const json& line) {
  const uint64_t id =
      line.contains("id") && line["id"].is_number_unsigned() ? line["id"].get<uint64_t>() : 0;
  const auto found = commands_.find(id);
  if (found == commands_.end() || !found->second.subscribes) {
    run_->Fail("messages", "the message of a subscription", Shown(line));
    return;
  }
  Command& command = found->second;
  if (!run_->Check(!command.closed, "no_reply_after_end", "no message after close",
                   [&] { return Shown(line); })) {
    return;
  }
  if (!peer_.always_honest()) return;
  run_->trace().Line([&] { return NameOf(command) + " gets " + Shown(line["message"]); });
  const std::string text = line["message"].is_string() ? line["message"].get<std::string>() : "";
  const auto next = std::find_if(
      command.published.begin() + static_cast<ptrdiff_t>(command.received), command.published.end(),
      [&](uint64_t number) { return text == "m" + std::to_string(number); });
  if (!run_->Check(next != command.published.end(), "messages",
                   "the next messages of its channel, once each",
                   [&] { return NameOf(command) + " gets " + Shown(line["message"]); })) {
    return;
  }
  const auto index = static_cast<size_t>(next - command.published.begin());
  // Messages may be missing if connections have ended in between.
  if (!run_->Check(index <= std::max(command.received, command.owed) || !OwesAll(command),
                   "messages", "every message, while its connection lasts", [&] {
                     return NameOf(command) + " gets " + Shown(line["message"]) +
                            " and lacks one before it";
                   })) {
    return;
  }
  command.received = index + 1;
}

void ClientLiveWorld::TakePush(const json& push) {
  if (!peer_.always_honest()) return;
  run_->trace().Line([&] { return "push " + Shown(push); });
  if (peer_.counts()[ToxicKind::kPush] > 0) return;  // the toxic pushes what was not written
  const bool is_one = config_.push && push.is_array() && push.size() == 2 &&
                      push[0] == "invalidate" && push[1].is_array() &&
                      std::ranges::all_of(push[1], [&](const json& key) {
                        return key.is_string() && written_.contains(key.get<std::string>());
                      });
  run_->Check(is_one, "messages", "an invalidation of keys that were written",
              [&] { return "the push " + Shown(push); });
}

bool ClientLiveWorld::OwesAll(const Command& command) const {
  return peer_.always_honest() && peer_.ends() == 0 && failed_ == 0 && !config_.timeout &&
         command.got_reply && !command.closed && command.served == 1;
}

const ClientLiveWorld::Command* ClientLiveWorld::MissesMessage() const {
  for (const uint64_t id : subscriptions_) {
    const Command& command = commands_.at(id);
    const size_t next = std::max(command.received, command.owed);
    if (OwesAll(command) && next < command.published.size()) return &command;
  }
  return nullptr;
}

void ClientLiveWorld::TakeError(Command& command, const json& line) {
  const std::string text = line["error"].is_string() ? line["error"].get<std::string>() : "";
  const std::string kind = line.value("kind", "other");
  run_->trace().Line(
      [&] { return NameOf(command) + " fails: " + kind + ": " + WithoutPort(text); });
  ++totals_.errors[kind];
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
    if (command.served == 0 || !peer_.honest(command.connection)) {
      check(!peer_.always_honest(), "no error of a server: it has not received the command");
      return;
    }
    const std::string sent = command.reply.is_object() ? command.reply.value("error", "") : "";
    run_->Check(
        !sent.empty() && !text.empty() && (sent.contains(text) || text.contains(sent)), "own_reply",
        [&] { return NameOf(command) + " gets " + Shown(command.reply); },
        [&] { return "it fails: " + WithoutPort(text); });
  } else if (kind == "timeout") {
    now_us_ = std::max(now_us_, active_us_ + int64_t{kTimeoutMs} * 1000);
    active_us_ = now_us_;
    check(config_.timeout, "no timeout: none was set");
  } else if (kind == "closed") {
    check(peer_.ends() > 0 || own_close || !peer_.always_honest() || config_.timeout,
          "no end of a connection: the peer has ended none");
  } else if (kind == "protocol") {
    if (!check(!peer_.always_honest(), "no protocol error: the peer keeps the protocol")) return;
    if (command.served > 0) {
      const uint64_t given = commands_.empty() ? 0 : commands_.rbegin()->first;
      broken_.emplace(command.connection, given);
    }
  } else if (kind == "cancelled") {
    check(command.cancelled || command.closed, "no cancellation: it was not cancelled");
  } else {
    ++totals_.others[WithoutPort(text)];
    check(peer_.ends() > 0 || own_close || !peer_.always_honest() || config_.timeout,
          "no error: the peer has done nothing wrong");
  }
}

bool ClientLiveWorld::Leaves(const char* ability) {
  if (driver_->Can(ability)) return false;
  ++totals_.left_out[ability];
  return true;
}

void ClientLiveWorld::Drive(const json& request) {
  if (over()) return;
  ready_ = false;
  active_us_ = now_us_;
  driver_->Send(request);
  Pump(nullptr);
}

void ClientLiveWorld::Pump(const std::function<bool()>& done) {
  std::vector<pollfd> fds;
  Clock::time_point last = Clock::now();
  bool rests = false;
  int hangups = 0;
  const size_t before = peer_.connections();
  bool healed = false;
  while (!over()) {
    const size_t made = peer_.connections() - before;
    if (made >= kConnectionsUntilHealed && !std::exchange(healed, true)) peer_.Heal(now_us_);
    if (made >= kMostConnections) {
      return run_->Fail("no_hang", "the call ends: the peer works",
                        "the client goes on connecting: " + std::to_string(made) + " times");
    }
    TakeLines();
    if (over()) return;
    const bool finished = done ? done() : ready_;
    if (peer_.Move(now_us_, rests || finished)) {
      last = Clock::now();
      active_us_ = now_us_;
      rests = false;
      continue;
    }
    if (finished || over()) return;
    if (driver_->ended()) {
      return run_->Fail("alive", "a client that goes on",
                        "the driver ends: " + driver_->HowEnded());
    }
    if (options_.stop()) stopped_ = true;
    fds.clear();
    driver_->AddTo(&fds);
    peer_.AddTo(&fds);
    // A driver that writes without an end is late, too.
    const bool late = Clock::now() - last > std::chrono::milliseconds(options_.hang_ms);
    if (poll(fds.data(), fds.size(), 1) > 0 && !late) {
      rests = false;
      continue;
    }
    if (!late && !driver_->Asleep()) {
      rests = false;
      continue;
    }
    if (!rests) {
      rests = true;
      continue;
    }
    if (done && !late) return;  // nothing more comes by itself
    const int64_t due = peer_.NextDue(now_us_);
    const int64_t next = due <= now_us_ ? kNever : due;
    const int64_t own = config_.timeout ? active_us_ + int64_t{kTimeoutMs} * 1000 : kNever;
    if (next < own) {
      now_us_ = next;
      rests = false;
      continue;
    }
    if (own == kNever && hangups < kMostHangups) {
      // Nothing would ever come.
      if (++hangups == kHangupsUntilHealed) peer_.Heal(now_us_);
      if (peer_.HangUp(false)) {
        last = Clock::now();
        rests = false;
        continue;
      }
    }
    if (late) {
      return run_->Fail("no_hang", "the call ends: nothing keeps it any longer",
                        std::to_string(pending_.size()) + " commands wait for " +
                            std::to_string(options_.hang_ms) + " ms");
    }
  }
}

// --- Ops.

void ClientLiveWorld::Start(const Config& config, RunContext& run) {
  // What a client is after a violation concerns no other run.
  if (!finished_) EndDriver();
  Finish();
  std::string error;
  if (!Open(&error) || !Begin(config, run, &error)) {
    EndProcess(error);
  }
  finished_ = false;
}

bool ClientLiveWorld::Begin(const Config& config, RunContext& run, std::string* error) {
  run_ = &run;
  if (!peer_.Reset(error)) return false;
  config_ = config;
  given_.clear();
  whole_ = false;
  if (config_.timeout && Leaves("timeout")) config_.timeout = false;
  if (config_.retry && Leaves("retry")) config_.retry = false;
  if (config_.push && Leaves("push")) config_.push = false;
  if (config_.slices.value > 0) config_.timeout = config_.retry = config_.push = false;
  open_ = stopped_ = false;
  ready_ = true;
  now_us_ = active_us_ = 0;
  cancels_ = closes_ = 0;
  commands_.clear();
  pending_.clear();
  subscriptions_.clear();
  written_.clear();
  messages_ = failed_ = 0;
  last_reply_.clear();
  broken_.clear();
  trouble_.clear();
  Slice();
  return true;
}

void ClientLiveWorld::OpenClient() {
  if (open_) return;
  open_ = true;
  Drive({{"do", "open"},
         {"host", "127.0.0.1"},
         {"port", peer_.port()},
         {"push", config_.push},
         {"timeout_ms", config_.timeout ? kTimeoutMs : 0},
         {"retry", config_.retry}});
}

ClientLiveWorld::Command& ClientLiveWorld::Make(DriverStep step, size_t which, size_t size) {
  const uint64_t id = commands_.size() + 1;
  Command& command = commands_[id];
  command.id = id;
  pending_.insert(id);
  ++totals_.commands;
  const std::string tag = "t" + std::to_string(id);
  const std::string key(kKeys[which % std::size(kKeys)]);
  // If it is sliced, no reply depends on whether an earlier command that failed was done.
  const auto long_value = [&] {
    std::string value = tag + ":";
    for (size_t i = 0; i < std::min(size, kMostBytes); ++i)
      value += static_cast<char>('a' + i % 26);
    return value;
  };
  switch (step) {
    case DriverStep::kEcho:
      command.words = {"ECHO", tag};
      break;
    case DriverStep::kSet:
      command.words = {"SET", key, tag};
      break;
    case DriverStep::kGet:
      command.words = {"GET", tag};
      break;
    case DriverStep::kPush:
      command.words = {"RPUSH", sliced() ? tag : "list", tag};
      break;
    case DriverStep::kMget:
      command.words = {"MGET", sliced() ? tag : key, tag};
      break;
    case DriverStep::kDownload:
      command.words = {"ECHO", long_value()};
      break;
    case DriverStep::kUpload:
      command.words = {"SET", key, long_value()};
      break;
    case DriverStep::kError:
      command.words = {"NOSUCH", tag};
      break;
  }
  command.writes =
      step == DriverStep::kSet || step == DriverStep::kPush || step == DriverStep::kUpload;
  return command;
}

void ClientLiveWorld::Do(const Step& op) {
  OpenClient();
  if (over()) return;
  const bool no_wait = op.no_wait && !sliced() && !Leaves("async");
  const Command& command = Make(op.step, op.which.value, op.size.value);
  Drive({{"do", "command"}, {"id", command.id}, {"words", command.words}, {"wait", !no_wait}});
  if (over() || no_wait) return;
  run_->Check(command.done, "called_once", "one result",
              [&] { return "none for " + NameOf(command) + ", and the call has ended"; });
}

void ClientLiveWorld::Do(const Pipeline& op) {
  OpenClient();
  if (over() || Leaves("pipeline")) return;
  const size_t count = std::clamp<size_t>(op.commands.value, 1, kMostPipelined);
  json commands = json::array();
  std::vector<const Command*> made;
  for (size_t i = 0; i < count; ++i) {
    const DriverStep step = i % 3 == 1   ? DriverStep::kPush
                            : i % 3 == 2 ? DriverStep::kDownload
                                         : DriverStep::kEcho;
    made.push_back(&Make(step, i, op.size.value));
    commands.push_back({{"id", made.back()->id}, {"words", made.back()->words}});
  }
  Drive({{"do", "pipeline"}, {"commands", commands}});
  for (const Command* command : made) {
    if (over()) return;
    run_->Check(command->done, "called_once", "one result",
                [&] { return "none for " + NameOf(*command) + ", and the call has ended"; });
  }
}

void ClientLiveWorld::Do(const Cancel& op) {
  if (over() || sliced() || Leaves("cancel") || pending_.empty()) return;
  Command& command = commands_[*pending_.begin()];
  peer_.set_holds(true);
  if (op.sent) Pump([&] { return command.served > 0 || command.done; });
  if (!over() && !command.done) {
    command.cancelled = true;
    ++cancels_;
    Drive({{"do", "cancel"}, {"id", command.id}});
  }
  peer_.set_holds(false);
}

void ClientLiveWorld::Do(const Wait& /*op*/) {
  if (over() || pending_.empty()) return;
  Drive({{"do", "wait"}});
  if (over() || pending_.empty()) return;
  run_->Fail("called_once", "a result for every command",
             "none for " + NameOf(commands_[*pending_.begin()]));
}

void ClientLiveWorld::Do(const Close& /*op*/) {
  if (over() || !open_) return;
  ++closes_;
  Drive({{"do", "close"}});
  open_ = false;
  for (auto& [id, command] : commands_) command.closed = true;
  if (over() || pending_.empty()) return;
  run_->Fail("called_once", "a result for every command, once the client is closed",
             "none for " + NameOf(commands_[*pending_.begin()]));
}

void ClientLiveWorld::Do(const Toxify& op) {
  const ToxicPlace place = InfoOf(op.kind).place;
  if (place == ToxicPlace::kCall || place == ToxicPlace::kMemory ||
      op.kind == ToxicKind::kLateConnect) {
    return;  // no peer can do that
  }
  if (sliced() && (place != ToxicPlace::kReply || !commands_.empty())) return;
  peer_.Add(
      MakeToxic(op.kind, op.direction, std::array{op.first.value, op.second.value, op.third.value}),
      now_us_);
}

void ClientLiveWorld::Do(const Heal& /*op*/) {
  if (!sliced()) peer_.Heal(now_us_);
}

void ClientLiveWorld::Do(const Advance& op) {
  if (sliced()) return;
  now_us_ += int64_t{op.ms.value} * 1000;
  peer_.Move(now_us_, true);
}

void ClientLiveWorld::Do(const Raw& op) {
  if (sliced()) return;
  peer_.SendRaw(op.bytes.bytes, now_us_);
  peer_.Move(now_us_, true);
}

void ClientLiveWorld::Do(const Hangup& op) {
  if (!sliced()) peer_.HangUp(op.reset);
}

void ClientLiveWorld::Do(const Subscribe& /*op*/) {
  if (sliced()) return;
  OpenClient();
  if (over() || Leaves("subscribe")) return;
  Command& command = Make(DriverStep::kEcho, 0, 0);
  command.words = {"SUBSCRIBE", command.words[1]};
  command.subscribes = true;
  subscriptions_.push_back(command.id);
  Drive({{"do", "subscribe"}, {"id", command.id}, {"words", command.words}});
  if (over()) return;
  run_->Check(command.done, "called_once", "a confirmation, or an error",
              [&] { return "none for " + NameOf(command) + ", and the call has ended"; });
}

void ClientLiveWorld::Do(const Publish& op) {
  if (over() || subscriptions_.empty()) return;
  Command& command = commands_[subscriptions_[op.which.Of(subscriptions_.size())]];
  command.published.push_back(++messages_);
  const std::string text = "m" + std::to_string(messages_);
  peer_.Act(std::array<std::string_view, 3>{"PUBLISH", command.words[1], text}, now_us_);
  peer_.Move(now_us_, true);
}

void ClientLiveWorld::Do(const Tick& /*op*/) {
  if (over() || sliced() || !open_ || Leaves("subscribe")) return;
  // A client looks once, so what has been sent must be there; a process of its own may read for it.
  Pump([] { return false; });
  Drive({{"do", "tick"}});
}

void ClientLiveWorld::Do(const Change& op) {
  if (over() || sliced()) return;
  const std::string_view key = kKeys[op.which.Of(std::size(kKeys))];
  written_.emplace(key);
  peer_.Act(std::array<std::string_view, 3>{"SET", key, "changed"}, now_us_);
  peer_.Move(now_us_, true);
}

void ClientLiveWorld::Slice() {
  if (!sliced() || whole_) return;
  peer_.Add(MakeToxic(ToxicKind::kSlicer, ToxicDirection::kDownstream,
                      std::array{int64_t{config_.slices.value}}),
            now_us_);
}

void ClientLiveWorld::CheckSlices(RunContext& run, size_t count) {
  const std::map<uint64_t, Command> in_slices = std::move(commands_);
  const std::vector<Op> ops = std::move(given_);
  const Config config = config_;
  std::string error;
  if (!Begin(config, run, &error)) EndProcess(error);
  run.trace().Line("the same without slices");
  whole_ = true;
  peer_.Heal(now_us_);
  for (const Op& op : ops) {
    if (over()) return;
    std::visit([&](const auto& one) { Do(one); }, op);
  }
  for (uint64_t id = 1; id <= count && !over(); ++id) {
    const Command& command = commands_.at(id);
    const json& sliced = in_slices.at(id).result;
    run.Check(
        command.result == sliced, "split_invariance",
        [&] { return NameOf(command) + " in one piece: " + Shown(command.result); },
        [&] { return "in slices: " + Shown(sliced); });
  }
  Do(Close());
}

void ClientLiveWorld::Settle(RunContext& run) {
  const size_t given = commands_.size();
  peer_.Heal(now_us_);
  if (!over() && MissesMessage() != nullptr) {
    // A client that looks without waiting looks once: what was delayed comes before.
    for (int64_t due = 0; (due = peer_.NextDue(now_us_)) != kNever && due > now_us_;) {
      now_us_ = due;
      peer_.Move(now_us_, true);
    }
    Do(Tick());
    Pump([&] { return MissesMessage() == nullptr; });
    const Command* const misses = over() ? nullptr : MissesMessage();
    run.Check(misses == nullptr, "messages", "every message, while its connection lasts", [&] {
      return NameOf(*misses) + " lacks m" +
             std::to_string(misses->published[std::max(misses->received, misses->owed)]);
    });
  }
  peer_.HangUpDishonest();
  Do(Wait());
  bool back = false;
  int leftovers = 0;
  for (int i = 0; i < kTriesToComeBack && !back && !over(); ++i) {
    OpenClient();
    if (over()) break;
    const Command& command = Make(DriverStep::kEcho, 0, 0);
    Drive({{"do", "command"}, {"id", command.id}, {"words", command.words}, {"wait", true}});
    back = command.got_reply && command.served > 0;
    // What a dishonest peer had sent before it was healed may still answer: that is no try.
    if (command.answered && command.served == 0 && ++leftovers < kMostLeftovers) --i;
  }
  if (!over()) {
    run.Check(back, "comes_back",
              "a reply to one of " + std::to_string(kTriesToComeBack) + " commands",
              "an error for each, from a peer that works");
  }
  Do(Close());
  if (over()) return;
  Finish();
  if (!sliced()) return;
  finished_ = false;
  CheckSlices(run, given);
  finished_ = !over();
}

void ClientLiveWorld::Finish() {
  if (std::exchange(finished_, true)) return;
  totals_.connections += peer_.connections();
  for (size_t i = 0; i < kToxicKinds; ++i) {
    if (peer_.counts()[static_cast<ToxicKind>(i)] > 0) ++totals_.fired[i];
  }
}

// --- Cases.

void ClientLiveWorld::Generate(Gen& gen, Config& config) {
  config.timeout = gen.rng().OneIn(3);
  config.retry = gen.rng().OneIn(3);
  config.push = gen.rng().OneIn(3);
  if (gen.rng().OneIn(5)) config.slices.value = static_cast<uint32_t>(1 + gen.rng().Below(8));
}

void ClientLiveWorld::Generate(Gen& gen, Step& op) {
  Rng& rng = gen.rng();
  for (int tries = 0; tries < 4; ++tries) {
    op.step = static_cast<DriverStep>(rng.Below(std::size(kDriverStepNames)));
    if (gen.Swarm(1000 + static_cast<uint64_t>(op.step)) > 0) break;
  }
  op.which.value = static_cast<uint8_t>(rng.Below(std::size(kKeys)));
  const bool sized = op.step == DriverStep::kDownload || op.step == DriverStep::kUpload;
  op.size.value = sized ? static_cast<uint32_t>(rng.Below(uint64_t{4} << rng.Below(13))) : 0;
  op.no_wait = rng.OneIn(2);
}

void ClientLiveWorld::Generate(Gen& gen, Pipeline& op) {
  op.commands.value = static_cast<uint32_t>(1 + gen.rng().Below(8));
  op.size.value = static_cast<uint32_t>(gen.rng().Below(uint64_t{4} << gen.rng().Below(10)));
}

void ClientLiveWorld::Generate(Gen& gen, Toxify& op) {
  Rng& rng = gen.rng();
  for (int tries = 0; tries < 8; ++tries) {
    op.kind = static_cast<ToxicKind>(rng.Below(kToxicKinds));
    const ToxicPlace place = InfoOf(op.kind).place;
    const bool possible = place != ToxicPlace::kCall && place != ToxicPlace::kMemory &&
                          op.kind != ToxicKind::kLateConnect;
    if (possible && gen.Swarm(2000 + static_cast<uint64_t>(op.kind)) > 0) break;
  }
  op.direction = rng.OneIn(4) ? ToxicDirection::kUpstream : ToxicDirection::kDownstream;
  const std::span<const ToxicAttribute> named = InfoOf(op.kind).named();
  const auto value = [&](size_t i) -> int64_t {
    if (i >= named.size()) return 0;
    if (named[i].name == "type") return "+-:$*_#,(!=%~|>"[rng.Below(15)];
    if (named[i].name == "length") return gen.EdgeNumber();
    if (named[i].name == "at") return static_cast<int64_t>(rng.Below(4));
    if (named[i].name == "depth") {
      return static_cast<int64_t>(1 + rng.Below(uint64_t{4} << rng.Below(13)));
    }
    return rng.OneIn(3) ? named[i].usual
                        : std::clamp<int64_t>(rng.Between(-4, 300), named[i].least, named[i].most);
  };
  op.first.value = value(0);
  op.second.value = value(1);
  op.third.value = value(2);
}

void ClientLiveWorld::Generate(Gen& gen, Advance& op) {
  op.ms.value = static_cast<uint32_t>(1 + gen.rng().Below(uint64_t{4} << gen.rng().Below(8)));
}

void ClientLiveWorld::Generate(Gen& gen, Raw& op) {
  constexpr std::string_view kRaw[] = {"+OK\r\n",
                                       "-ERR max number of clients reached\r\n",
                                       "-LOADING Redis is loading the dataset in memory\r\n",
                                       ":1\r\n",
                                       "$-1\r\n",
                                       "*0\r\n",
                                       "$5\r\nhe",
                                       "*2\r\n",
                                       ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n",
                                       "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n",
                                       "*-2\r\n",
                                       "$9223372036854775807\r\n",
                                       "\r\n",
                                       "x"};
  op.bytes.bytes = gen.rng().Pick(kRaw);
}

}  // namespace resprobe::live
