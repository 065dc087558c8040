// A run of the world `io_chaos`: its start, its ops, its end. Clients: io_chaos_clients.cc; network
// and scheduler: io_chaos_network.cc; generation: io_chaos_generate.cc.

#include "worlds/io_chaos/io_chaos_world.h"

#include <algorithm>
#include <csetjmp>
#include <utility>

#include "core/resp/writer.h"
#include "worlds/io_chaos/io_chaos_limits.h"

namespace resprobe {
namespace {

using io_chaos::kAll;
using io_chaos::kKeys;
using io_chaos::kMostBytes;

constexpr int64_t kMostDepth = 20'000;   // of the toxic nesting
constexpr int64_t kMostSafeDepth = 500;  // … if the client is known to recurse
constexpr int64_t kMostGarbage = 64;
constexpr int64_t kMostCalls = 64;  // that one toxic affects
constexpr int64_t kConnectTimeoutMs = 50;
constexpr int64_t kCommandTimeoutMs = 200;
constexpr size_t kMostToxics = 8;
// The maximum number of rounds of moving and firing, for the ops of a run (toxics can make a stream
// very slow) and at its end, when everything is healed.
constexpr int kRoundsOfOps = 200;
constexpr int kRoundsOfSettling = 2000;

// The target of a failing assert of the client under test.
std::jmp_buf trap;
IoChaosWorld* trapped = nullptr;
const KnownFaultInfo* trapped_fault = nullptr;
int trapped_version = 0;

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

// --- The run.

void IoChaosWorld::Start(const Config& config, RunContext& run) {
  config_ = config;
  run_ = &run;
  subject_ = static_cast<size_t>(config.client) % subjects_.size();
  scheduler_.Reset();
  network_.Reset(2);
  network_.CountToxicsIn(&system_.counts());
  system_.Start(this, kSendBuffer);
  server_.Reset();
  other_ = server_.Connect();
  scratch_.clear();
  // The values that GET and downloads read.
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
  SimPosix::Socket& s = system_.SocketAt(socket);
  Line& line = lines_[static_cast<size_t>(socket)];
  if (late_us_ > 0) system_.counts().Fired(ToxicKind::kLateConnect);
  s.connect_us = now_us() + late_us_;
  if (late_us_ > 0) line.connects = scheduler_.At(s.connect_us, this, 0);
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
  line.end = network_.Connect(kClientMachine, kPeerMachine, static_cast<uint64_t>(socket) + 1);
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
  scheduler_.Cancel(line.connects);
  if (Whole(line)) network_.Remove(line.end);
  line.open = false;
  line.client_closed = true;
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
    // Limited, so that in the end a call succeeds.
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
      // One toxic per kind and direction: the last one.
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
  PassTime(now_us() + std::min<int64_t>(op.ms.value, 1'000'000) * 1000);
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
  if (over_ || current().socket < 0 || !Whole(LineOf(current()))) return;
  network_.Close(PeersEnd(LineOf(current())));
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
    // What the client still holds belongs to the failed run.
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

// A second client of the same kind gets the same commands, then all bytes that the first one has
// read, in one piece.
void IoChaosWorld::CheckSplit(RunContext& run) {
  Slot& first = slots_[0];
  if (!first.used || !first.plain || first.client->blocking() || first.socket < 0 || acted_ > 0 ||
      first.client->has_handshake() || connections_ != 1 || first.freed || !first.connected ||
      first.disconnected) {
    return;
  }
  if (first.stays_monitor && Avoids(KnownFault::kMonitorSwallows)) return;
  const SimPosix::Socket& s = system_.SocketAt(first.socket);
  if (s.read == 0) return;
  const std::string bytes = s.arrived.substr(0, s.read);
  Slot& second = slots_[1];
  const std::vector<uint64_t> requests = first.requests;
  replaying_ = true;
  again_.clear();
  Connect();
  if (second.client->exists() && second.socket >= 0) {
    SimPosix::Socket& t = system_.SocketAt(second.socket);
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
      // A command that a toxic has ended was pending then.
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
