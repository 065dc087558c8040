#include "worlds/io_chaos/io_chaos_world.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace resprobe {
namespace {

constexpr int64_t kConnectTimeoutMs = 50;
constexpr int64_t kCommandTimeoutMs = 200;
constexpr size_t kSendBuffer = 2048;  // bytes
// The maximum number of rounds of moving and firing, for this many ops of a run (toxics can make a
// stream very slow) and at its end, when everything is healed.
constexpr int kRoundsOfOps = 200;
constexpr size_t kOpsOfRounds = 1024;
constexpr int kRoundsOfSettling = 2000;
// After this number of ops the memory of the connections is bounded again.
constexpr size_t kOpsOfBounding = 64;

using Event = IoClient::Event;

std::span<const Event> EventsOf(ClientTick tick) {
  static constexpr Event kReadable[] = {Event::kReadable, Event::kWritable};
  static constexpr Event kWritable[] = {Event::kWritable, Event::kReadable};
  static constexpr Event kTimeout[] = {Event::kTimeout, Event::kReadable};
  switch (tick) {
    case ClientTick::kReadable:
      return std::span(kReadable).first(1);
    case ClientTick::kWritable:
      return std::span(kWritable).first(1);
    case ClientTick::kTimeout:
      return std::span(kTimeout).first(1);
    case ClientTick::kReadableWritable:
      return kReadable;
    case ClientTick::kWritableReadable:
      return kWritable;
    case ClientTick::kTimeoutReadable:
      return kTimeout;
  }
  return {};
}

}  // namespace

IoChaosWorld::IoChaosWorld(std::vector<Subject> subjects, KnownFaultSet go_to)
    : slots_(std::move(subjects)),
      guard_(&run_, &slots_, go_to, [this](KnownFault fault) { return IsCaused(fault); }),
      user_({.run = &run_,
             .slots = &slots_,
             .guard = &guard_,
             .toxics = &toxics_,
             .lines = &lines_,
             .book = &book_,
             .words = &words_,
             .values = &values_,
             .contract = &contract_,
             .split = &split_}) {}

// --- The run.

void IoChaosWorld::Start(const Config& config, RunContext& run) {
  run_.context = &run;
  run_.in_timeout = false;
  run_.scheduler.Reset();
  run_.system.Start(&loop_, kSendBuffer);
  server_.Reset();
  other_.Start(&server_);
  lines_.Reset(&server_);
  toxics_.Reset();
  book_.Reset();
  split_.Reset();
  pairs_.Reset();
  loop_.set_rounds(kRoundsOfOps);
  const size_t subject = static_cast<size_t>(config.client) % slots_.subjects();
  guard_.Start(slots_.subject(subject));
  slots_.Start(subject, &run_.system, &user_);
  user_.Start({.client = {.push_handler = config.push_handler,
                          .functions = config.functions,
                          .unlimited = config.unlimited,
                          .connect_timeout_ms = config.connect_timeout ? kConnectTimeoutMs : 0,
                          .command_timeout_ms = config.command_timeout ? kCommandTimeoutMs : 0,
                          .pushes_as_replies = config.pushes_as_replies && !config.push_handler,
                          .spares_failed_attach = guard_.Avoids(KnownFault::kAttachOutOfMemory)},
               .resp3 = config.resp3});
  loop_.set_command_timeout(config.command_timeout);
  if (!config.lazy) guard_.Run([&] { user_.Connect(); });
}

bool IoChaosWorld::IsCaused(KnownFault fault) {
  return std::any_of(slots_.begin(), slots_.end(), [&](ClientSlot& slot) {
    if (slot.socket < 0 || !slot.client->exists() || lines_.peer(slot.socket).honest()) {
      return false;
    }
    switch (fault) {
      case KnownFault::kUnsolicitedReply:
        return ahead_.Unsolicited(
            slot.socket, {.replies = slot.owed,
                          .confirmations = slot.owed_confirmations,
                          .messages = slot.stays,
                          .arrays = slot.stays && lines_.peer(slot.socket).protocol() < 3});
      case KnownFault::kSubscribeShape:
        // Malformed, or the confirmation of a channel that was not asked for: both are a dishonest
        // peer's alone.
        return true;
      default:
        return false;
    }
  });
}

bool IoChaosWorld::Begin(RunContext& run) {
  if (guard_.over()) return false;
  const size_t op = run.op();
  if (op % kOpsOfBounding == 0 && op > 0) [[unlikely]] {
    memory_.Bound();
    if (op % kOpsOfRounds == 0) loop_.set_rounds(kRoundsOfOps);
  }
  return true;
}

// --- Ops.

void IoChaosWorld::Apply(const Step& op, RunContext& run) {
  if (!Begin(run)) return;
  guard_.Run([&] {
    ClientSlot& slot = slots_.current();
    IoClient& client = *slot.client;
    if (!client.exists()) return user_.Connect();
    const IoRequest request = {.step = op.step, .which = op.which.value, .size = op.size.value};
    if (user_.Give(slot, request, op.then) == 0 || op.pipelined || !client.blocking()) return;
    // A blocking client fetches replies until it has this one.
    while (!run_.violated() && loop_.Fire(slot, IoClient::Event::kReadable, false)) {
    }
  });
  pairs_.Note(&book_);
}

void IoChaosWorld::Apply(const Toxify& op, RunContext& run) {
  if (!Begin(run)) return;
  if (toxics_.Add(op.kind, op.direction, {op.first.value, op.second.value, op.third.value})) {
    lines_.Refresh();
  }
}

void IoChaosWorld::Apply(const Heal&, RunContext&) {
  toxics_.Clear();
  lines_.Refresh();
}

void IoChaosWorld::Apply(const Deliver& op, RunContext& run) {
  if (!Begin(run)) return;
  const size_t most = op.bytes.value == 0 ? IoLines::kAll : op.bytes.value;
  lines_.MoveAll(op.wire != Wire::kDownstream, op.wire != Wire::kUpstream, most);
  pairs_.Note(&book_);
}

void IoChaosWorld::Apply(const Tick& op, RunContext& run) {
  if (!Begin(run)) return;
  guard_.Run([&] {
    const std::span<const Event> events = EventsOf(op.events);
    // A second client cannot repeat when a timer fired.
    const bool timer = events[0] == Event::kTimeout && slots_.current().client->wants(events[0]);
    if (loop_.Fire(slots_.current(), events, op.spurious) && timer) split_.Spoil();
  });
  pairs_.Note(&book_);
}

void IoChaosWorld::Apply(const Run&, RunContext& run) {
  if (!Begin(run)) return;
  guard_.Run([&] { loop_.RunUntilQuiet(); });
  pairs_.Note(&book_);
}

void IoChaosWorld::Apply(const Advance& op, RunContext& run) {
  if (!Begin(run)) return;
  run_.PassTime(run_.now_us() + std::min<int64_t>(op.ms.value, 1'000'000) * 1000);
}

void IoChaosWorld::Apply(const Act& op, RunContext& run) {
  if (!Begin(run)) return;
  guard_.Run([&] { user_.Act(slots_.current(), op.action); });
}

void IoChaosWorld::Apply(const On& op, RunContext&) { user_.React(op.callback, op.action); }

void IoChaosWorld::Apply(const Publish& op, RunContext& run) {
  if (Begin(run)) other_.Publish(op.channel.Of(std::size(kIoKeys)));
}

void IoChaosWorld::Apply(const Change& op, RunContext& run) {
  if (!Begin(run)) return;
  if (op.flush) {
    other_.FlushAll();
  } else {
    other_.Set(op.key.Of(std::size(kIoKeys)));
  }
}

void IoChaosWorld::Apply(const MonitorLine&, RunContext& run) {
  if (!Begin(run)) return;
  const int socket = slots_.current().socket;
  if (socket >= 0 && lines_.open(socket)) lines_.peer(socket).SendMonitorLine();
}

void IoChaosWorld::Apply(const Raw& op, RunContext& run) {
  if (!Begin(run)) return;
  const int socket = slots_.current().socket;
  const std::string_view bytes = op.bytes.bytes;
  if (socket < 0 || !lines_.open(socket) || bytes.empty()) return;
  if (bytes.find('|') != bytes.npos && guard_.Avoids(KnownFault::kAttributeAsReply)) return;
  lines_.peer(socket).SendRaw(bytes);
}

void IoChaosWorld::Apply(const Hangup&, RunContext& run) {
  if (!Begin(run)) return;
  const int socket = slots_.current().socket;
  if (socket >= 0) lines_.Hangup(socket);
}

// --- The end.

void IoChaosWorld::CheckNothingPending() {
  if (toxics_.evil_memory()) return;
  for (const ClientSlot& slot : slots_) {
    const int socket = slot.socket;
    if (!slot.client->exists() || socket < 0 || !lines_.open(socket)) continue;
    if (!slot.connected && lines_.whole(socket) && run_.system.Connected(socket)) {
      contract_.HasConnected(slot);
      return;
    }
    if (!slot.connected || !lines_.peer(socket).open() || !lines_.peer(socket).honest() ||
        values_.foreign(socket)) {
      continue;
    }
    if (!contract_.HasNothingPending(slot)) return;
  }
}

void IoChaosWorld::Settle(RunContext& run) {
  if (!guard_.over()) {
    guard_.Run([&] {
      Apply(Heal{}, run);
      loop_.set_rounds(kRoundsOfSettling);
      user_.StopReacting();
      loop_.RunUntilQuiet();
      if (guard_.over() || run.violated()) return;
      CheckNothingPending();
      if (!run.violated() && !toxics_.evil_memory()) split_.Check(user_.options().client);
      for (ClientSlot& slot : slots_) {
        if (run.violated()) return;
        if (!slot.client->exists()) continue;
        slot.freed = true;
        slot.client->Free();
      }
      if (!guard_.over() && !run.violated()) user_.CheckGone();
    });
  }
  pairs_.Write();
  if (!run.violated()) return;
  // What the clients still hold belongs to the failed run.
  run_.system.Reclaim();
  slots_.DropAll();
}

}  // namespace resprobe
