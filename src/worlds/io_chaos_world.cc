#include "worlds/io_chaos_world.h"

#include <algorithm>
#include <csetjmp>
#include <utility>

#include "core/resp/writer.h"

namespace resprobe {
namespace {

constexpr std::string_view kKeys[] = {"a", "b", "c"};
constexpr std::string_view kPatterns[] = {"*", "a*", "b"};
constexpr size_t kMostBytes = 16 * 1024;  // of an upload or a download
constexpr int64_t kMostDepth = 20'000;    // of the toxic nesting
constexpr int64_t kMostSafeDepth = 500;   // … if the client is known to recurse
constexpr int64_t kMostGarbage = 64;
constexpr int64_t kMostCalls = 64;  // that one toxic disturbs
constexpr int64_t kConnectTimeoutMs = 50;
constexpr int64_t kCommandTimeoutMs = 200;
constexpr size_t kMostToxics = 8;
constexpr size_t kMostCommands = 400;
// Rounds of moving and firing: so many in the ops of a run (toxics can make a stream very slow),
// so many at its end, when all is healed; and so many in a row without anything that moves.
constexpr int kRoundsOfOps = 200;
constexpr int kRoundsOfSettling = 2000;
constexpr int kMostIdleRounds = 300;
constexpr size_t kAll = SIZE_MAX;

// Where an assert of the client under test leads while it runs.
std::jmp_buf trap;
IoChaosWorld* trapped = nullptr;
const KnownFaultInfo* trapped_fault = nullptr;
int trapped_version = 0;

bool IsSubscription(ClientStep step) {
  return step == ClientStep::kSubscribe || step == ClientStep::kPsubscribe;
}
// As servers send them, or a push of another kind.
bool IsWellFormedMessage(resp::ReplyView value) {
  if (value.size() == 0 || value[0].type() != resp::Type::kBulkString) return false;
  const std::string_view word = value[0].text();
  const bool known = word == "message" || word == "pmessage" || word.ends_with("subscribe");
  // hiredis compares as many bytes as there are, from seven on, after a p, in any case.
  if (!known) return value.type() == resp::Type::kPush && (word == "invalidate" || word.empty());
  const size_t wanted = word == "pmessage" ? 4 : 3;
  if (value.size() != wanted) return false;
  const resp::Type second = value[1].type();
  if (second != resp::Type::kBulkString && second != resp::Type::kNull) return false;
  return word.ends_with("message") || value[2].type() == resp::Type::kInteger;
}

const char* NameOfStep(ToxicStream::Step::Kind kind) {
  constexpr const char* kNames[] = {"sends", "half-closes", "closes", "resets", "waits"};
  return kNames[static_cast<size_t>(kind)];
}
bool IsUnsubscription(ClientStep step) {
  return step == ClientStep::kUnsubscribe || step == ClientStep::kPunsubscribe;
}

}  // namespace

std::string_view NameOf(IoError error) {
  constexpr std::string_view kNames[] = {
      "none", "a failed call", "the end of the stream", "protocol", "memory", "a timeout", "other"};
  return kNames[static_cast<size_t>(error)];
}

IoChaosWorld::IoChaosWorld(std::vector<Subject> subjects, KnownFaultSet go_to)
    : subjects_(std::move(subjects)), go_to_(go_to), pool_(subjects_.size()) {
  for (size_t i = 0; i < subjects_.size(); ++i) {
    for (auto& client : pool_[i]) client = subjects_[i].make();
  }
  for (size_t i = 0; i < kMostBytes; ++i) blob_ += static_cast<char>('a' + i % 26);
}

// --- Generation.

void IoChaosWorld::Generate(Gen& gen, Step& op) {
  Rng& rng = gen.rng();
  // Swarm among the steps.
  for (int tries = 0; tries < 4; ++tries) {
    op.step = static_cast<ClientStep>(rng.Below(std::size(kClientStepNames)));
    if (gen.Swarm(1000 + static_cast<uint64_t>(op.step)) > 0) break;
  }
  op.which.value = static_cast<uint8_t>(rng.Below(3));
  op.size.value = op.step == ClientStep::kDownload || op.step == ClientStep::kUpload
                      ? static_cast<uint32_t>(1 + rng.Below(uint64_t{4} << rng.Below(11)))
                      : static_cast<uint32_t>(rng.Below(3));
  op.then = rng.OneIn(6) ? static_cast<ClientAction>(rng.Below(5)) : ClientAction::kNothing;
  op.pipelined = rng.OneIn(2);
}

void IoChaosWorld::Generate(Gen& gen, Toxify& op) {
  Rng& rng = gen.rng();
  for (int tries = 0; tries < 4; ++tries) {
    op.kind = static_cast<ToxicKind>(rng.Below(kToxicKinds));
    if (gen.Swarm(2000 + static_cast<uint64_t>(op.kind)) > 0) break;
  }
  op.direction = rng.OneIn(3) ? ToxicDirection::kUpstream : ToxicDirection::kDownstream;
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
                        : std::clamp<int64_t>(rng.Between(-4, 64), named[i].least, named[i].most);
  };
  op.first.value = value(0);
  op.second.value = value(1);
  op.third.value = value(2);
}

void IoChaosWorld::Generate(Gen& gen, Advance& op) {
  op.ms.value = static_cast<uint32_t>(1 + gen.rng().Below(uint64_t{4} << gen.rng().Below(9)));
}

void IoChaosWorld::Generate(Gen& gen, Raw& op) {
  constexpr std::string_view kRaw[] = {"+OK\r\n",
                                       "-ERR max number of clients reached\r\n",
                                       ":1\r\n",
                                       "$-1\r\n",
                                       "*-1\r\n",
                                       "*0\r\n",
                                       "$1\r\n",
                                       "*2\r\n",
                                       "_\r\n",
                                       "#t\r\n",
                                       ",inf\r\n",
                                       "%1\r\n",
                                       "~1\r\n",
                                       ">2\r\n",
                                       "|1\r\n",
                                       "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n",
                                       "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n",
                                       "*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n",
                                       "*4294967297\r\n",
                                       "*2305843009213693953\r\n",
                                       "*-2\r\n",
                                       "$9223372036854775807\r\n",
                                       "=7\r\ntxt:abc\r\n",
                                       "(12345678901234567890\r\n",
                                       "\r\n",
                                       "\n",
                                       "x"};
  op.bytes.bytes = gen.rng().Pick(kRaw);
}

// --- The run.

void IoChaosWorld::Start(const Config& config, RunContext& run) {
  config_ = config;
  run_ = &run;
  subject_ = static_cast<size_t>(config.client) % subjects_.size();
  now_us_ = 0;
  system_.Start(this, kSendBuffer);
  server_.Reset();
  other_ = server_.Connect();
  scratch_.clear();
  // What GET and downloads read.
  for (const std::string_view key : kKeys) {
    words_ = {"SET", key, "value"};
    resp::AppendRequest(&scratch_, {words_.data(), 3});
  }
  server_.Send(other_, scratch_);
  scratch_.clear();
  server_.Receive(other_, &scratch_);
  over_ = evil_memory_ = replaying_ = in_timeout_ = false;
  toxics_.clear();
  commands_.clear();
  given_.clear();
  callbacks_.clear();
  reactions_.fill(ClientAction::kNothing);
  depth_ = 0;
  refuse_ = 0;
  late_us_ = 0;
  rounds_left_ = kRoundsOfOps;
  acted_ = connections_ = 0;
  noted_.Reset();
  if (run.trace().on()) {
    for (auto& row : pairs_) row.fill(false);
  }
  for (Line& line : lines_) {
    line.slot = -1;
    line.open = false;
  }
  for (size_t i = 0; i < kClients; ++i) {
    Slot& slot = slots_[i];
    if (slot.client != nullptr) pool_[slot.of_subject][i] = std::move(slot.client);
    slot.client = std::move(pool_[subject_][i]);
    slot.of_subject = subject_;
    slot.client->Start(&system_, this);
    slot.used = false;
    slot.connected = slot.freed = slot.disconnected = false;
    slot.socket = -1;
  }
  current_ = 0;
  Guarded([&] { Connect(); });
}

bool IoChaosWorld::Avoids(KnownFault fault) const {
  if (go_to_.Has(fault) || subject().hiredis_version == 0) return false;
  const bool of_both = fault == KnownFault::kNesting ||
                       fault == KnownFault::kAllocationsUnchecked ||
                       fault == KnownFault::kAttributeAsReply;
  return (of_both || subject().hiredis_async) && HasFault(subject().hiredis_version, fault);
}

void IoChaosWorld::OnAssert(const char* expression, const char* function) {
  const KnownFaultInfo* const fault = FaultOfAssert(trapped_version, expression, function);
  if (trapped == nullptr || fault == nullptr || trapped->go_to_.Has(fault->fault)) return;
  trapped_fault = fault;
  std::longjmp(trap, 1);  // NOLINT(cert-err52-cpp): over frames of C
}

template <class Body>
bool IoChaosWorld::Guarded(const Body& body) {
  if (trapped != nullptr) {
    body();
    return true;
  }
  trapped = this;
  trapped_version = subject().hiredis_version;
  TheAssertTrap().handler = OnAssert;
  if (setjmp(trap) == 0) {  // NOLINT(cert-err52-cpp)
    body();
    trapped = nullptr;
    TheAssertTrap().handler = nullptr;
    return true;
  }
  trapped = nullptr;
  TheAssertTrap().handler = nullptr;
  Abandon(*trapped_fault);
  return false;
}

void IoChaosWorld::Abandon(const KnownFaultInfo& fault) {
  over_ = true;
  depth_ = 0;
  in_timeout_ = false;
  system_.Reclaim();
  for (Slot& slot : slots_) slot.client->Start(&system_, this);
  if (run_->trace().on()) run_->trace().Line("known fault: " + std::string(fault.id));
}

IoChaosWorld::Slot& IoChaosWorld::SlotOf(const IoClient& client) {
  for (Slot& slot : slots_) {
    if (slot.client.get() == &client) return slot;
  }
  return slots_[0];
}

void IoChaosWorld::Connect() {
  for (size_t i = 0; i < kClients; ++i) {
    Slot& slot = slots_[i];
    if (slot.client->exists()) continue;
    current_ = i;
    ++connections_;
    slot.used = slot.plain = true;
    slot.connected = slot.freed = slot.disconnected = slot.stays = slot.stays_monitor =
        slot.queues = false;
    slot.socket = -1;
    slot.last_called = slot.pending = slot.received = 0;
    slot.requests.clear();
    slot.expected.clear();
    const IoClientOptions options = {
        .push_handler = config_.push_handler,
        .functions = config_.functions,
        .unlimited = config_.unlimited,
        .connect_timeout_ms = config_.connect_timeout ? kConnectTimeoutMs : 0,
        .command_timeout_ms = config_.command_timeout ? kCommandTimeoutMs : 0};
    if (!slot.client->Connect(options)) {
      CheckGone(*run_);
      return;
    }
    if (slot.socket < 0) slot.socket = slot.client->descriptor();
    if (config_.resp3 && !replaying_) Give(slot, ClientStep::kHello, 0, 0, ClientAction::kNothing);
    return;
  }
}

void IoChaosWorld::OnConnecting(int socket) {
  ClientSystem::Socket& s = system_.SocketAt(socket);
  Line& line = lines_[static_cast<size_t>(socket)];
  if (late_us_ > 0) system_.counts().Fired(ToxicKind::kLateConnect);
  s.connect_us = now_us_ + late_us_;
  s.accepts = refuse_ == 0;
  for (const Toxic& toxic : toxics_) {
    if (toxic.kind != ToxicKind::kDown) continue;
    s.accepts = false;
    system_.counts().Fired(ToxicKind::kDown);
  }
  if (refuse_ != 0) {
    system_.counts().Fired(ToxicKind::kRefuse);
    if (refuse_ > 0) --refuse_;
  }
  const auto seed = static_cast<uint64_t>(socket) + 1;
  line.up.Reset(seed, ToxicDirection::kUpstream, &system_.counts());
  line.down.Reset(seed + 100, ToxicDirection::kDownstream, &system_.counts());
  line.up.SetToxics(toxics_, now_us_);
  line.down.SetToxics(toxics_, now_us_);
  line.open = true;
  line.ended = line.client_closed = false;
  line.parser.Reset();
  line.parsed = line.values = line.ahead = 0;
  line.ahead_parser.Reset();
  line.foreign = false;
  line.slot = static_cast<int>(current_);
  slots_[current_].socket = socket;
  line.peer.Open(&server_, &system_.counts());
}

void IoChaosWorld::OnResult(const char* call, int socket, int64_t result) {
  if (!run_->trace().on()) return;
  run_->trace().Line("call " + std::string(call) + " " + std::to_string(socket) + " = " +
                     ChaosLog::ResultText(result));
}

void IoChaosWorld::OnClosed(int socket) {
  Line& line = lines_[static_cast<size_t>(socket)];
  if (line.open) line.peer.Close();
  line.open = false;
  line.client_closed = true;
}

// --- What the user does.

std::span<const std::string_view> IoChaosWorld::Arguments(ClientStep step, size_t which,
                                                          size_t size) {
  const std::string_view key = kKeys[which % std::size(kKeys)];
  const auto words = [&](std::initializer_list<std::string_view> list) {
    std::copy(list.begin(), list.end(), words_.begin());
    return std::span<const std::string_view>(words_.data(), list.size());
  };
  // A command on `size` names from `which` on.
  const auto named = [&](std::string_view command, std::span<const std::string_view> names) {
    words_[0] = command;
    size_t count = 1;
    for (size_t i = 0; i < std::min(size, names.size()); ++i) {
      words_[count++] = names[(which + i) % names.size()];
    }
    return std::span<const std::string_view>(words_.data(), count);
  };
  switch (step) {
    case ClientStep::kPing:
      return words({"PING"});
    case ClientStep::kSet:
      return words({"SET", key, "value"});
    case ClientStep::kGet:
      return words({"GET", key});
    case ClientStep::kDownload:
      // As large as is asked for, without an upload before it.
      return words({"ECHO", std::string_view(blob_).substr(0, std::min(size, kMostBytes / 8))});
    case ClientStep::kUpload:
      return words({"SET", "u", std::string_view(blob_).substr(0, std::min(size, kMostBytes))});
    case ClientStep::kMulti:
      return words({"MULTI"});
    case ClientStep::kExec:
      return words({"EXEC"});
    case ClientStep::kSubscribe:
      size = std::max<size_t>(size, 1);
      return named("SUBSCRIBE", kKeys);
    case ClientStep::kPsubscribe:
      size = std::max<size_t>(size, 1);
      return named("PSUBSCRIBE", kPatterns);
    case ClientStep::kUnsubscribe:
      return named("UNSUBSCRIBE", kKeys);
    case ClientStep::kPunsubscribe:
      return named("PUNSUBSCRIBE", kPatterns);
    case ClientStep::kMonitor:
      return words({"MONITOR"});
    case ClientStep::kHello:
      return words({"HELLO", "3"});
    case ClientStep::kTracking:
      return words({"CLIENT", "TRACKING", "ON", "BCAST"});
  }
  return {};
}

uint64_t IoChaosWorld::Give(Slot& slot, ClientStep step, size_t which, size_t size,
                            ClientAction then) {
  if (!slot.client->exists() || commands_.size() >= kMostCommands) return 0;
  const bool stays = step == ClientStep::kMonitor || IsSubscription(step);
  if (slot.client->blocking() && (stays || IsUnsubscription(step))) {
    // A push has no reply to wait for; in protocol 2 what a blocking client reads next may be a
    // message.
    if (config_.resp3 || step == ClientStep::kMonitor) return 0;
    size = 1;
    slot.stays = true;
  }
  // The lines of MONITOR cannot be told from replies: a connection that monitors does nothing else.
  if (slot.stays_monitor) return 0;
  // What a transaction queues answers in another shape, which is the user's business to know.
  const bool plain = !stays && !IsUnsubscription(step);
  if (slot.queues && !plain) return 0;
  if (!plain && evil_memory_ && Avoids(KnownFault::kSubscribeOutOfMemory)) return 0;
  if (IsUnsubscription(step) && Avoids(KnownFault::kStaleCallback)) return 0;
  if (plain && slot.stays && Avoids(KnownFault::kCommandWhileSubscribed)) return 0;
  if (step == ClientStep::kMulti) slot.queues = true;
  if (step == ClientStep::kExec) slot.queues = false;
  if (step == ClientStep::kMonitor) {
    if (Avoids(KnownFault::kMonitorRepush) && (slot.pending > 0 || slot.stays)) return 0;
    slot.stays_monitor = true;
  }
  const std::span<const std::string_view> args = Arguments(step, which, size);
  const uint64_t number = commands_.size() + 1;
  commands_.push_back({.client = static_cast<uint8_t>(&slot - slots_.data()),
                       .step = step,
                       .then = then,
                       .stays = stays && !slot.client->blocking()});
  given_.push_back({step, which, size});
  const size_t before = slot.expected.size();
  resp::AppendRequest(&slot.expected, args);
  slot.requests.push_back(number);
  const bool silent = IsUnsubscription(step) && !slot.client->blocking();
  // Counted before the call: a callback may come in it.
  const bool ordinary = !commands_.back().stays && !silent;
  if (ordinary) ++slot.pending;
  if (slot.socket >= 0 && system_.SocketAt(slot.socket).read > 0) slot.plain = false;
  const bool accepted = slot.client->Command(number, commands_[number - 1].stays, args);
  system_.log().Add(now_us_, ChaosLog::Who::kClient, "command", static_cast<int64_t>(number),
                    accepted ? 0 : -1);
  if (!accepted) {
    if (ordinary && commands_[number - 1].live + commands_[number - 1].failed == 0) --slot.pending;
    commands_[number - 1].refused = true;
    slot.expected.resize(before);
    slot.requests.pop_back();
    return 0;
  }
  commands_[number - 1].silent = silent;
  if (stays && !slot.stays) {
    slot.stays = true;
    if (slot.socket >= 0) {
      // What has arrived and is not read yet will be read by a connection that is subscribed.
      Line& line = LineOf(slot);
      line.ahead = 0;
      line.ahead_parser.Reset();
      LookAhead(slot.socket);
    }
  }
  return number;
}

void IoChaosWorld::Do(Slot& slot, ClientAction action, const ClientCallback* inside) {
  if (action == ClientAction::kNothing || run_->violated()) return;
  const bool ends = action != ClientAction::kCommand;
  if (inside != nullptr && ends) {
    // Called from inside a call that waits, which must have its context when it returns.
    if (*inside == ClientCallback::kPush && slot.client->blocking()) return;
    if (*inside == ClientCallback::kConnect && Avoids(KnownFault::kFreeInConnect)) return;
    if (*inside == ClientCallback::kConnect && slot.ending && Avoids(KnownFault::kFreeIgnored)) {
      return;
    }
    if (*inside == ClientCallback::kDisconnect && Avoids(KnownFault::kFreeInDisconnect)) return;
    if (*inside == ClientCallback::kPush && action != ClientAction::kDisconnect &&
        Avoids(KnownFault::kFreeInPush)) {
      return;
    }
  }
  ++acted_;
  slot.plain = false;
  system_.log().Add(now_us_, ChaosLog::Who::kClient, "act", static_cast<int64_t>(action),
                    inside != nullptr ? 1 : 0);
  switch (action) {
    case ClientAction::kNothing:
      break;
    case ClientAction::kCommand:
      Give(slot, ClientStep::kPing, 0, 0, ClientAction::kNothing);
      break;
    case ClientAction::kDisconnect:
      slot.ending = true;
      slot.client->Disconnect();
      break;
    case ClientAction::kFree:
      if (slot.client->exists()) slot.freed = true;
      slot.client->Free();
      break;
    case ClientAction::kReconnect:
      if (slot.client->exists()) slot.freed = true;
      slot.client->Free();
      Connect();
      break;
  }
}

// --- What the client tells.

void IoChaosWorld::OnConnect(IoClient& client, bool ok) {
  Slot& slot = SlotOf(client);
  system_.log().Add(now_us_, ChaosLog::Who::kClient, "connected", slot.client->descriptor(), ok);
  if (run_->trace().on()) {
    run_->trace().Line(ok ? "connected" : "not connected: " + std::string(NameOf(client.error())));
  }
  run_->Check(!slot.connected, "disconnect_once", "one connect callback for a connection",
              "another one");
  slot.connected = ok;
  if (ok) slot.connected_us = now_us_;
  constexpr auto kHere = ClientCallback::kConnect;
  const ClientAction action =
      std::exchange(reactions_[static_cast<size_t>(kHere)], ClientAction::kNothing);
  Do(slot, action, &kHere);
}

void IoChaosWorld::OnReply(IoClient& client, uint64_t number, const IoReply* reply) {
  Slot& slot = SlotOf(client);
  system_.log().Add(now_us_, ChaosLog::Who::kClient, "reply", static_cast<int64_t>(number),
                    reply != nullptr);
  if (run_->trace().on()) {
    run_->trace().Line("callback " + std::to_string(number) + " " +
                       (reply == nullptr ? "none" : reply->Text()));
  }
  if (!run_->Check(number >= 1 && number <= commands_.size(), "called_once",
                   "the callback of a command",
                   [&] { return "command " + std::to_string(number); })) {
    return;
  }
  if (replaying_) {
    if (reply != nullptr) again_.push_back({number, Match(slot, *reply)});
    return;
  }
  Command& command = commands_[number - 1];
  const bool ordinary = !command.stays;
  const auto told = [&] {
    return "command " + std::to_string(number) + " (" +
           std::string(kClientStepNames[static_cast<size_t>(command.step)]) + ") is called back";
  };
  (reply != nullptr ? command.live : command.failed) += 1;
  if (!run_->Check(!command.refused && &slots_[command.client] == &slot, "called_once",
                   "no callback for a command that was refused", told)) {
    return;
  }
  if (ordinary) {
    if (!run_->Check(command.live + command.failed == 1, "called_once", "one callback a command",
                     [&] { return told() + " again"; }) ||
        !run_->Check(
            // What was at hand may overtake what is asked for.
            number > slot.last_called || (reply != nullptr && reply->from_cache()), "in_order",
            [&] { return "commands after " + std::to_string(slot.last_called); }, told)) {
      return;
    }
    if (reply == nullptr || !reply->from_cache()) slot.last_called = number;
    --slot.pending;
  }
  if (reply != nullptr) {
    if (!run_->Check(!slot.freed && !slot.disconnected, "no_reply_after_end",
                     "no reply after free or disconnect",
                     [&] { return told() + " with " + reply->Text(); })) {
      return;
    }
    if (!reply->from_cache()) {
      const uint64_t value = Match(slot, *reply);
      if (value == kNoValue) return;
      callbacks_.push_back({number, value});
      CheckOwner(slot, number, value);
    }
  } else {
    run_->Check(!in_timeout_ || !slot.connected || config_.command_timeout, "belated_timer",
                "no command to fail of a timer that was for connecting", told);
  }
  if (run_->violated()) return;
  const ClientCallback here = reply != nullptr ? ClientCallback::kReply : ClientCallback::kNoReply;
  ClientAction action = std::exchange(command.then, ClientAction::kNothing);
  if (action == ClientAction::kNothing) {
    action = std::exchange(reactions_[static_cast<size_t>(here)], ClientAction::kNothing);
  }
  Do(slot, action, &here);
}

void IoChaosWorld::OnPush(IoClient& client, const IoReply& push) {
  Slot& slot = SlotOf(client);
  system_.log().Add(now_us_, ChaosLog::Who::kClient, "push", 0, 0);
  if (run_->trace().on()) run_->trace().Line("push " + push.Text());
  if (replaying_) {
    again_.push_back({kPushed, Match(slot, push)});
    return;
  }
  if (!run_->Check(!slot.freed && !slot.disconnected, "no_reply_after_end",
                   "no push after free or disconnect", [&] { return push.Text(); })) {
    return;
  }
  const uint64_t value = Match(slot, push);
  if (value == kNoValue) return;
  callbacks_.push_back({kPushed, value});
  constexpr auto kHere = ClientCallback::kPush;
  const ClientAction action =
      std::exchange(reactions_[static_cast<size_t>(kHere)], ClientAction::kNothing);
  Do(slot, action, &kHere);
}

void IoChaosWorld::OnDisconnect(IoClient& client, bool ok) {
  Slot& slot = SlotOf(client);
  system_.log().Add(now_us_, ChaosLog::Who::kClient, "disconnected", slot.socket, ok);
  if (run_->trace().on()) {
    run_->trace().Line(ok ? "disconnected"
                          : "disconnected: " + std::string(NameOf(client.error())));
  }
  if (replaying_) return;
  if (!run_->Check(!slot.disconnected, "disconnect_once", "one disconnect callback", "another") ||
      !run_->Check(slot.connected, "disconnect_once", "a connect callback before it", "none")) {
    return;
  }
  slot.disconnected = true;
  if (!ok && slot.socket >= 0 && !evil_memory_ && !slot.freed) {
    const ClientSystem::Socket& s = system_.SocketAt(slot.socket);
    const IoError error = client.error();
    const bool plausible =
        (error == IoError::kEnd && s.told_end && s.told_error == 0) ||
        (error == IoError::kSystem && (s.told_error != 0 || client.blocking())) ||
        (error == IoError::kTimeout && (in_timeout_ || client.blocking())) ||
        error == IoError::kProtocol || error == IoError::kOther || error == IoError::kMemory;
    run_->Check(
        plausible, "true_error",
        [&] {
          return s.told_error != 0 ? "errno " + std::to_string(s.told_error)
                 : s.told_end      ? std::string("the end of the stream")
                                   : std::string("no error of the connection");
        },
        [&] { return std::string(NameOf(error)); });
  }
  constexpr auto kHere = ClientCallback::kDisconnect;
  const ClientAction action =
      std::exchange(reactions_[static_cast<size_t>(kHere)], ClientAction::kNothing);
  Do(slot, action, &kHere);
}

void IoChaosWorld::OnGone(IoClient& client) {
  Slot& slot = SlotOf(client);
  system_.log().Add(now_us_, ChaosLog::Who::kClient, "gone", slot.socket, 0);
  if (run_->trace().on()) run_->trace().Line("gone");
  if (replaying_) return;
  if (slot.connected) {
    run_->Check(slot.disconnected, "disconnect_once", "a disconnect callback for a connection",
                "none, and the client is gone");
  }
  // Everything that was accepted has been told by now.
  const auto index = static_cast<uint8_t>(&slot - slots_.data());
  for (const uint64_t number : slot.requests) {
    const Command& command = commands_[number - 1];
    if (command.client != index || command.stays || command.silent) continue;
    if (evil_memory_) break;
    if (!run_->Check(command.live + command.failed == 1, "called_once", "one callback a command",
                     [&] {
                       return "none for command " + std::to_string(number) + " (" +
                              std::string(kClientStepNames[static_cast<size_t>(command.step)]) +
                              "), and the client is gone";
                     })) {
      return;
    }
  }
}

uint64_t IoChaosWorld::Match(Slot& slot, const IoReply& reply) {
  if (slot.socket < 0) return kNoValue;
  Line& line = LineOf(slot);
  const ClientSystem::Socket& s = system_.SocketAt(slot.socket);
  if (line.foreign) return line.values;
  while (line.parsed < s.read) {
    const resp::ReplyParser::Result result = line.parser.Parse(
        std::string_view(s.arrived).substr(line.parsed, s.read - line.parsed), &value_);
    line.parsed += result.consumed;
    if (result.status == resp::ReplyParser::Status::kNeedMore) break;
    if (result.status == resp::ReplyParser::Status::kError) {
      const resp::ParseErrorCode code = line.parser.error().code;
      // What the two understand differently is resp_differential's business; a length that both
      // know is not.
      if (code == resp::ParseErrorCode::kTooManyElements) break;
      line.foreign = true;
      return line.values;
    }
    ++line.values;
    if (reply.Same(value_)) return line.values - 1;
  }
  run_->Fail("faithful",
             "one of the values that were read and not handed out yet, of which " +
                 std::to_string(line.values) + " are gone",
             reply.Text());
  return kNoValue;
}

void IoChaosWorld::CheckOwner(Slot& slot, uint64_t number, uint64_t value) {
  const Line& line = LineOf(slot);
  if (line.foreign || !line.peer.honest() || value >= line.peer.tags().size()) return;
  const Command& command = commands_[number - 1];
  if (command.stays || slot.client->has_handshake() || (slot.client->blocking() && slot.stays))
    return;
  const IoPeer::Tag& tag = line.peer.tags()[value];
  const uint64_t owner = tag.request < slot.requests.size() ? slot.requests[tag.request] : 0;
  run_->Check(
      owner == number, "own_reply",
      [&] { return "the reply to command " + std::to_string(number); },
      [&] {
        return tag.request == IoPeer::Tag::kMessage
                   ? std::string("a message or a push")
                   : "the reply to command " + std::to_string(owner);
      });
}

// --- The network.

bool IoChaosWorld::Move(int socket, bool up, bool down, size_t most) {
  Line& line = lines_[static_cast<size_t>(socket)];
  if (!line.open || line.ended || !system_.Connected(socket)) return false;
  bool moved = false;
  using Kind = ToxicStream::Step::Kind;
  const auto end = [&](const ToxicStream::Step& step) {
    system_.log().Add(now_us_, ChaosLog::Who::kPeer, NameOfStep(step.kind), socket,
                      static_cast<int64_t>(step.cause));
    system_.End(socket, step.kind == Kind::kRst   ? PeerEnd::kReset
                        : step.kind == Kind::kFin ? PeerEnd::kClose
                                                  : PeerEnd::kHalfClose);
    if (step.kind != Kind::kHalfClose) {
      line.ended = true;
      line.peer.Close();
    }
    moved = true;
  };
  if (up) {
    if (const size_t waiting = system_.Waiting(socket); waiting > 0) {
      const size_t room = line.up.finished() ? waiting : line.up.Room(waiting);
      if (room > 0) {
        line.up.Put(system_.Take(socket, room), now_us_);
        moved = true;
      }
    }
    const ToxicStream::Step step = line.up.Next(now_us_);
    if (step.kind == Kind::kData) {
      const std::string_view bytes = step.bytes.substr(0, most);
      Slot& slot = slots_[static_cast<size_t>(line.slot)];
      const std::string_view wanted =
          std::string_view(slot.expected)
              .substr(std::min<size_t>(slot.received, slot.expected.size()), bytes.size());
      slot.received += bytes.size();
      system_.log().Add(now_us_, ChaosLog::Who::kPeer, "receives", socket,
                        static_cast<int64_t>(bytes.size()));
      if (!evil_memory_ && !slot.client->has_handshake() &&
          !run_->Check(
              bytes == wanted, "prefix", [&] { return "\"" + std::string(wanted) + "\""; },
              [&] { return "\"" + std::string(bytes) + "\""; })) {
        return true;
      }
      if (!replaying_) line.peer.Receive(bytes, toxics_);
      line.up.Taken(bytes.size(), now_us_);
      moved = true;
    } else if (step.kind == Kind::kHalfClose) {
      line.down.End(now_us_);  // a server that sees the end closes, behind what it has to say
      moved = true;
    } else if (step.kind != Kind::kWait) {
      end(step);
    }
  }
  if (down && line.open && !line.ended && !replaying_) {
    line.peer.Collect(toxics_);
    if (!line.peer.output().empty()) {
      line.down.Put(line.peer.output(), now_us_);
      line.peer.output().clear();
    }
    const ToxicStream::Step step = line.down.Next(now_us_);
    if (step.kind == Kind::kData) {
      const std::string_view bytes = step.bytes.substr(0, most);
      system_.Send(socket, bytes);
      system_.log().Add(now_us_, ChaosLog::Who::kPeer, "arrives", socket,
                        static_cast<int64_t>(bytes.size()));
      line.down.Taken(bytes.size(), now_us_);
      moved = true;
      LookAhead(socket);
    } else if (step.kind == Kind::kHalfClose && !step.caused) {
      end({.kind = Kind::kFin, .cause = ToxicKind::kSlowClose});  // a server closes both ways
    } else if (step.kind != Kind::kWait) {
      end(step);
    }
  }
  return moved;
}

// hiredis looks into what calls itself a message without asking whether it has so many elements.
void IoChaosWorld::LookAhead(int socket) {
  Line& line = lines_[static_cast<size_t>(socket)];
  if (line.peer.honest() || !Avoids(KnownFault::kSubscribeShape)) return;
  const ClientSystem::Socket& s = system_.SocketAt(socket);
  if (slots_[static_cast<size_t>(line.slot)].stays && s.readable() > 0 &&
      Avoids(KnownFault::kStaleCallback)) {
    return Abandon(InfoOf(KnownFault::kStaleCallback));
  }
  while (line.ahead < s.arrived.size()) {
    const resp::ReplyParser::Result result =
        line.ahead_parser.Parse(std::string_view(s.arrived).substr(line.ahead), &ahead_);
    line.ahead += result.consumed;
    if (result.status != resp::ReplyParser::Status::kValue) return;
    if (line.ahead <= s.read) continue;  // behind it
    const resp::ReplyView root = ahead_.root();
    const bool push = root.type() == resp::Type::kPush;
    if (!push && root.type() != resp::Type::kArray) continue;
    if (!push && !slots_[static_cast<size_t>(line.slot)].stays) continue;
    if (IsWellFormedMessage(root)) continue;
    return Abandon(InfoOf(KnownFault::kSubscribeShape));
  }
}

int64_t IoChaosWorld::NextWake() {
  int64_t wake = ClientSystem::kNever;
  for (size_t i = 0; i < lines_.size(); ++i) {
    Line& line = lines_[i];
    if (!line.open || line.ended) continue;
    const ClientSystem::Socket& s = system_.SocketAt(static_cast<int>(i));
    if (s.state == ClientSystem::Socket::State::kConnecting) {
      wake = std::min(wake, s.connect_us);
      continue;
    }
    for (ToxicStream* stream : {&line.up, &line.down}) {
      const ToxicStream::Step step = stream->Next(now_us_);
      if (step.kind == ToxicStream::Step::Kind::kWait) wake = std::min(wake, step.at_us);
    }
  }
  return std::max(wake, now_us_);
}

bool IoChaosWorld::Wait(int socket, bool readable, bool writable, int64_t until_us) {
  while (rounds_left_-- > 0) {
    if ((readable && system_.Readable(socket)) || (writable && system_.Writable(socket))) {
      return true;
    }
    if (Move(socket, true, true, kAll)) continue;
    const int64_t wake = NextWake();
    if (wake == now_us_ && wake != ClientSystem::kNever) return true;
    if (wake > until_us || (wake == ClientSystem::kNever && until_us != ClientSystem::kNever)) {
      now_us_ = until_us;
      return false;
    }
    if (wake == ClientSystem::kNever) {
      // Nothing would ever come: the peer hangs up.
      system_.End(socket, PeerEnd::kClose);
      lines_[static_cast<size_t>(socket)].ended = true;
      lines_[static_cast<size_t>(socket)].peer.Close();
      continue;
    }
    now_us_ = wake;
  }
  now_us_ = until_us == ClientSystem::kNever ? now_us_ : until_us;
  return false;
}

void IoChaosWorld::Refresh() {
  for (Line& line : lines_) {
    if (!line.open) continue;
    line.up.SetToxics(toxics_, now_us_);
    line.down.SetToxics(toxics_, now_us_);
  }
}

// --- The scheduler.

void IoChaosWorld::FireOne(Slot& slot, IoClient::Event event, bool spurious) {
  IoClient& client = *slot.client;
  if (!client.exists() || !client.wants(event)) return;
  const int socket = client.descriptor();
  if (!client.blocking() && !spurious) {
    if (event == IoClient::Event::kReadable && !system_.Readable(socket)) return;
    if (event == IoClient::Event::kWritable && !system_.Writable(socket)) return;
  }
  if (event == IoClient::Event::kTimeout) {
    now_us_ = std::max(now_us_, client.timer_us());
    slot.plain = false;
  }
  system_.log().Add(now_us_, ChaosLog::Who::kScheduler, "fires", socket,
                    static_cast<int64_t>(event));
  in_timeout_ = event == IoClient::Event::kTimeout;
  client.Fire(event);
  in_timeout_ = false;
}

bool IoChaosWorld::FireAll() {
  bool fired = false;
  for (Slot& slot : slots_) {
    IoClient& client = *slot.client;
    for (const IoClient::Event event : {IoClient::Event::kWritable, IoClient::Event::kReadable}) {
      if (!client.exists() || !client.wants(event)) continue;
      const int socket = client.descriptor();
      if (!client.blocking() && !(event == IoClient::Event::kReadable ? system_.Readable(socket)
                                                                      : system_.Writable(socket))) {
        continue;
      }
      FireOne(slot, event, false);
      fired = true;
      if (run_->violated()) return false;
    }
  }
  return fired;
}

void IoChaosWorld::RunUntilQuiet() {
  int idle = 0;  // rounds in which the client was busy with nothing
  while (rounds_left_-- > 0 && idle < kMostIdleRounds) {
    bool moved = false;
    for (size_t i = 0; i < lines_.size(); ++i) {
      if (lines_[i].open) moved |= Move(static_cast<int>(i), true, true, kAll);
    }
    if (run_->violated() || over_) return;
    const bool fired = FireAll();
    if (run_->violated() || over_) return;
    idle = fired && !moved ? idle + 1 : 0;
    if (fired || moved) continue;
    const int64_t wake = NextWake();
    if (wake == ClientSystem::kNever || wake == now_us_) return;
    now_us_ = wake;
  }
  if (idle == kMostIdleRounds) {
    run_->Fail("no_hang", "rest, once nothing moves",
               std::to_string(idle) + " rounds of events for nothing");
  }
}

// --- Ops.

void IoChaosWorld::Apply(const Step& op, RunContext&) {
  if (over_) return;
  Guarded([&] {
    Slot& slot = current();
    if (!slot.client->exists()) return Connect();
    const uint64_t number = Give(slot, op.step, op.which.value, op.size.value, op.then);
    if (number == 0 || op.pipelined || !slot.client->blocking()) return;
    // A blocking client fetches replies until it has this one.
    while (slot.client->exists() && slot.client->wants(IoClient::Event::kReadable) &&
           !run_->violated()) {
      FireOne(slot, IoClient::Event::kReadable, false);
    }
  });
  NotePairs();
}

void IoChaosWorld::Apply(const Toxify& op, RunContext&) {
  if (over_) return;
  int64_t values[] = {op.first.value, op.second.value, op.third.value};
  if (op.kind == ToxicKind::kNesting) {
    values[1] = std::min(values[1], Avoids(KnownFault::kNesting) ? kMostSafeDepth : kMostDepth);
  }
  if (op.kind == ToxicKind::kGarbage) values[1] = std::min(values[1], kMostGarbage);
  if (InfoOf(op.kind).place == ToxicPlace::kCall) {
    // However often, in the end a call goes through.
    values[op.kind == ToxicKind::kShortWrite ? 2 : 1] =
        std::min(values[op.kind == ToxicKind::kShortWrite ? 2 : 1], kMostCalls);
  }
  const Toxic toxic = MakeToxic(op.kind, op.direction, values);
  const bool attribute = toxic.kind == ToxicKind::kAttribute ||
                         (toxic.kind == ToxicKind::kWrongType && toxic.values[1] == '|');
  if (attribute && Avoids(KnownFault::kAttributeAsReply)) return;
  switch (InfoOf(op.kind).place) {
    case ToxicPlace::kStream:
    case ToxicPlace::kReply:
      // One of a kind in a direction: the last.
      std::erase_if(toxics_, [&](const Toxic& old) {
        return old.kind == toxic.kind && old.direction == toxic.direction;
      });
      if (toxics_.size() == kMostToxics) toxics_.erase(toxics_.begin());
      toxics_.push_back(toxic);
      Refresh();
      break;
    case ToxicPlace::kConnect:
      if (op.kind == ToxicKind::kRefuse) {
        refuse_ = toxic.values[0] == 0 ? -1 : static_cast<int>(toxic.values[0]);
      } else {
        late_us_ = toxic.values[0] * 1000;
      }
      break;
    case ToxicPlace::kMemory:
      if (Avoids(KnownFault::kAllocationsUnchecked)) return;
      evil_memory_ = true;
      [[fallthrough]];
    case ToxicPlace::kCall:
      system_.SetCallToxic(toxic);
      break;
  }
}

void IoChaosWorld::Apply(const Heal&, RunContext&) {
  toxics_.clear();
  Refresh();
  system_.ClearCallToxics();
  refuse_ = 0;
  late_us_ = 0;
}

void IoChaosWorld::Apply(const Deliver& op, RunContext&) {
  if (over_) return;
  const size_t most = op.bytes.value == 0 ? kAll : op.bytes.value;
  for (size_t i = 0; i < lines_.size(); ++i) {
    if (lines_[i].open) {
      Move(static_cast<int>(i), op.wire != Wire::kDownstream, op.wire != Wire::kUpstream, most);
    }
  }
  NotePairs();
}

void IoChaosWorld::Apply(const Tick& op, RunContext&) {
  if (over_) return;
  using Event = IoClient::Event;
  Guarded([&] {
    Slot& slot = current();
    const auto fire = [&](Event event) { FireOne(slot, event, op.spurious); };
    switch (op.events) {
      case ClientTick::kReadable:
        return fire(Event::kReadable);
      case ClientTick::kWritable:
        return fire(Event::kWritable);
      case ClientTick::kTimeout:
        return fire(Event::kTimeout);
      case ClientTick::kReadableWritable:
        fire(Event::kReadable);
        return fire(Event::kWritable);
      case ClientTick::kWritableReadable:
        fire(Event::kWritable);
        return fire(Event::kReadable);
      case ClientTick::kTimeoutReadable:
        fire(Event::kTimeout);
        return fire(Event::kReadable);
    }
  });
  NotePairs();
}

void IoChaosWorld::Apply(const Run&, RunContext&) {
  if (over_) return;
  Guarded([&] { RunUntilQuiet(); });
  NotePairs();
}

void IoChaosWorld::Apply(const Advance& op, RunContext&) {
  if (over_) return;
  now_us_ += std::min<int64_t>(op.ms.value, 1'000'000) * 1000;
}

void IoChaosWorld::Apply(const Act& op, RunContext&) {
  if (over_) return;
  Guarded([&] { Do(current(), op.action, nullptr); });
}

void IoChaosWorld::Apply(const On& op, RunContext&) {
  reactions_[static_cast<size_t>(op.callback)] = op.action;
}

void IoChaosWorld::Apply(const Publish& op, RunContext&) {
  if (over_) return;
  words_ = {"PUBLISH", kKeys[op.channel.Of(std::size(kKeys))], "news"};
  scratch_.clear();
  resp::AppendRequest(&scratch_, {words_.data(), 3});
  server_.Send(other_, scratch_);
  scratch_.clear();
  server_.Receive(other_, &scratch_);
}

void IoChaosWorld::Apply(const Change& op, RunContext&) {
  if (over_) return;
  words_ = {"SET", kKeys[op.key.Of(std::size(kKeys))], "value"};
  if (op.flush) words_[0] = "FLUSHALL";
  scratch_.clear();
  resp::AppendRequest(&scratch_, {words_.data(), op.flush ? size_t{1} : size_t{3}});
  server_.Send(other_, scratch_);
  scratch_.clear();
  server_.Receive(other_, &scratch_);
}

void IoChaosWorld::Apply(const MonitorLine&, RunContext&) {
  if (over_ || current().socket < 0 || !LineOf(current()).open) return;
  LineOf(current()).peer.SendMonitorLine();
}

void IoChaosWorld::Apply(const Hangup&, RunContext&) {
  if (over_ || current().socket < 0 || !LineOf(current()).open) return;
  LineOf(current()).down.End(now_us_);
}

void IoChaosWorld::Apply(const Raw& op, RunContext&) {
  if (over_ || current().socket < 0 || !LineOf(current()).open || op.bytes.bytes.empty()) return;
  if (op.bytes.bytes.find('|') != std::string_view::npos && Avoids(KnownFault::kAttributeAsReply)) {
    return;
  }
  LineOf(current()).peer.SendRaw(op.bytes.bytes);
}

// --- The end.

void IoChaosWorld::Settle(RunContext& run) {
  if (!over_) {
    Guarded([&] {
      Apply(Heal{}, run);
      rounds_left_ = kRoundsOfSettling;
      reactions_.fill(ClientAction::kNothing);
      RunUntilQuiet();
      if (run.violated()) return;
      for (Slot& slot : slots_) {
        if (!slot.client->exists() || slot.socket < 0) continue;
        const Line& line = LineOf(slot);
        const bool waits = slot.connected && line.open && line.peer.open() && !line.foreign &&
                           line.peer.honest() && !evil_memory_;
        if (!run.Check(!waits || slot.pending == 0, "no_hang", "no command that waits",
                       [&] { return std::to_string(slot.pending) + " commands wait for ever"; })) {
          return;
        }
      }
      if (!evil_memory_) CheckSplit(run);
      for (Slot& slot : slots_) {
        if (run.violated()) return;
        if (slot.client->exists()) {
          slot.freed = true;
          slot.client->Free();
        }
      }
      CheckGone(run);
    });
  }
  if (run.trace().on()) {
    for (const ToxicInfo& info : Toxics()) {
      if (counts()[info.kind] == 0) continue;
      run.trace().Line("fired " + std::string(info.name) + " " +
                       std::to_string(counts()[info.kind]));
    }
    for (size_t t = 0; t < kToxicKinds; ++t) {
      for (size_t s = 0; s < std::size(kClientStepNames); ++s) {
        if (!pairs_[t][s]) continue;
        run.trace().Line("pair " + std::string(ToxicNames()[t]) + " " +
                         std::string(kClientStepNames[s]));
      }
    }
  }
  if (run.violated()) {
    // What the client still has, it had when it went wrong.
    system_.Reclaim();
    for (Slot& slot : slots_) slot.client->Start(&system_, this);
  }
}

void IoChaosWorld::CheckGone(RunContext& run) {
  if (run.violated()) return;
  for (const Slot& slot : slots_) {
    if (slot.client->exists()) return;
  }
  run.Check(system_.live_blocks() == 0 && system_.open_sockets() == 0, "nothing_leaks",
            "no memory and no socket", [&] {
              return std::to_string(system_.live_blocks()) + " blocks and " +
                     std::to_string(system_.open_sockets()) + " sockets";
            });
}

// A second client of the same kind is given the same commands, then all bytes that the first one
// has read, at once.
void IoChaosWorld::CheckSplit(RunContext& run) {
  Slot& first = slots_[0];
  if (!first.used || !first.plain || first.client->blocking() || first.socket < 0 || acted_ > 0 ||
      first.client->has_handshake() || connections_ != 1 || first.freed || !first.connected ||
      first.disconnected) {
    return;
  }
  if (first.stays_monitor && Avoids(KnownFault::kMonitorSwallows)) return;
  const ClientSystem::Socket& s = system_.SocketAt(first.socket);
  if (s.read == 0) return;
  const std::string bytes = s.arrived.substr(0, s.read);
  Slot& second = slots_[1];
  const std::vector<uint64_t> requests = first.requests;
  replaying_ = true;
  again_.clear();
  Connect();
  if (second.client->exists() && second.socket >= 0) {
    ClientSystem::Socket& t = system_.SocketAt(second.socket);
    second.requests.clear();
    for (const uint64_t number : requests) {
      const GivenCommand& given = given_[number - 1];
      second.client->Command(number, commands_[number - 1].stays,
                             Arguments(given.step, given.which, given.size));
    }
    FireOne(second, IoClient::Event::kWritable, false);
    if (system_.Connected(second.socket)) system_.Send(second.socket, bytes);
    FireOne(second, IoClient::Event::kReadable, true);
    while (second.client->exists() && t.readable() > 0 &&
           second.client->wants(IoClient::Event::kReadable) && !run.violated()) {
      FireOne(second, IoClient::Event::kReadable, false);
    }
    if (!run.violated()) {
      run.Check(
          callbacks_ == again_, "split_invariance",
          [&] { return std::to_string(again_.size()) + " callbacks, as in one slice"; },
          [&] { return std::to_string(callbacks_.size()) + " callbacks, or others"; });
    }
  }
  if (second.client->exists()) second.client->Free();
  replaying_ = false;
}

void IoChaosWorld::NotePairs() {
  if (!run_->trace().on()) return;
  for (size_t t = 0; t < kToxicKinds; ++t) {
    const auto kind = static_cast<ToxicKind>(t);
    if (counts()[kind] == noted_[kind]) continue;
    for (const Command& command : commands_) {
      // What a toxic has ended has waited for it.
      if (command.refused || command.noted) continue;
      pairs_[t][static_cast<size_t>(command.step)] = true;
    }
  }
  for (Command& command : commands_) {
    command.noted = !command.stays && command.live + command.failed > 0;
  }
  noted_ = counts();
}

}  // namespace resprobe
