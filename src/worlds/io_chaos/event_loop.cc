#include "worlds/io_chaos/event_loop.h"

#include <string>

namespace resprobe {
namespace {

using Event = IoClient::Event;

// The maximum number of consecutive rounds in which nothing moves.
constexpr int kMostIdleRounds = 300;

}  // namespace

void EventLoop::OnConnecting(int socket) {
  // A client that connects for the first time does not show its socket yet. The number may be that
  // of a client that has closed it, and is not gone yet.
  ClientSlot& current = slots_->current();
  const bool first = current.socket < 0 && socket == run_->system.newest();
  ClientSlot& slot = first ? current : slots_->OfSocket(socket);
  slot.socket = socket;
  values_->Open(socket);
  ahead_->Restart(socket);
  lines_->Open(socket, slot);
}

void EventLoop::OnResult(const char* call, int socket, int64_t result) {
  if (!run_->trace().on()) [[likely]]
    return;
  run_->trace().Line("call " + std::string(call) + " " + std::to_string(socket) + " = " +
                     ChaosLog::ResultText(result));
}

bool EventLoop::Wait(int socket, bool readable, bool writable, int64_t until_us) {
  SimPosix& system = run_->system;
  while (rounds_left_-- > 0) {
    if ((readable && system.Readable(socket)) || (writable && system.Writable(socket))) {
      return true;
    }
    if (lines_->Move(socket, true, true, IoLines::kAll)) continue;
    const int64_t wake = run_->scheduler.next_us();
    if (wake > until_us || (wake == SimPosix::kNever && until_us != SimPosix::kNever)) {
      run_->PassTime(until_us);
      return false;
    }
    if (wake == SimPosix::kNever) {
      if (const std::string_view why = WhyInVain(socket); !why.empty()) {
        contract_->ReportWaiting(why);
      }
      // Nothing would ever arrive: the peer closes the connection.
      lines_->End(socket, PeerEnd::kClose);
      continue;
    }
    run_->PassTime(wake);
  }
  if (until_us != SimPosix::kNever) run_->PassTime(until_us);
  return false;
}

std::string_view EventLoop::WhyInVain(int socket) {
  if (!lines_->sound() || !lines_->whole(socket) || lines_->hung_up(socket) ||
      !run_->system.Connected(socket) || lines_->InFlight(socket) > 0 ||
      run_->system.Waiting(socket) > 0 || !lines_->peer(socket).honest()) {
    return "";
  }
  ClientSlot& slot = lines_->slot(socket);
  // In RESP2 a message may have been taken for a reply.
  if ((slot.stays && lines_->peer(socket).protocol() < 3) || slot.pending == 0) return "";
  return slot.sent.Next(1).empty() ? "the peer has answered everything"
                                   : "the request was not sent";
}

void EventLoop::OnSignal(int socket) {
  if (!guard_->Avoids(KnownFault::kSigpipe)) contract_->ReportSignal(socket);
}

void EventLoop::OnGreed(size_t bytes, size_t held, size_t most) {
  if (guard_->Avoids(KnownFault::kElementsAhead) && ahead_->Announced(held) >= held - most) return;
  contract_->ReportGreed(bytes);
}

bool EventLoop::IsDue(const IoClient& client, Event event) {
  if (client.blocking() || event == Event::kTimeout) return true;
  const int socket = client.descriptor();
  return event == Event::kReadable ? run_->system.Readable(socket) : run_->system.Writable(socket);
}

bool EventLoop::Fire(ClientSlot& slot, Event event, bool spurious) {
  IoClient& client = *slot.client;
  if (client.has_loop()) return Turn(slot, {&event, 1}, spurious);
  if (!client.exists() || !client.wants(event)) return false;
  if (!spurious && !IsDue(client, event)) return false;
  FireWanted(slot, event);
  return true;
}

void EventLoop::FireWanted(ClientSlot& slot, Event event) {
  IoClient& client = *slot.client;
  if (event == Event::kTimeout) run_->PassTime(client.timer_us());
  run_->Log(ChaosLog::Who::kScheduler, "fires", client.descriptor(), static_cast<int64_t>(event));
  if (event == Event::kTimeout) {
    FireTimer(slot, [&] { client.Fire(event); });
  } else {
    client.Fire(event);
  }
}

bool EventLoop::Fire(ClientSlot& slot, std::span<const Event> events, bool spurious) {
  if (slot.client->has_loop()) return Turn(slot, events, spurious);
  bool fired = false;
  for (const Event event : events) fired |= Fire(slot, event, spurious);
  return fired;
}

template <class Body>
void EventLoop::FireTimer(ClientSlot& slot, const Body& fire) {
  const uint64_t connection = slot.connection;
  const uint64_t called = slot.last_called;
  const int64_t due = slot.client->timer_us();
  const bool waits = command_timeout_ && slot.connected && slot.pending > 0;
  run_->in_timeout = true;
  fire();
  run_->in_timeout = false;
  if (!waits || run_->violated() || guard_->over()) return;
  const bool set_again = slot.client->has_loop() && slot.client->timer_us() != due;
  if (slot.client->exists() && slot.connection == connection && slot.last_called == called &&
      !set_again) {
    contract_->ReportIdleTimer(slot);
  }
}

bool EventLoop::Turn(ClientSlot& slot, std::span<const Event> events, bool spurious) {
  IoClient& client = *slot.client;
  if (!client.exists()) return false;
  bool readable = false;
  bool writable = false;
  for (const Event event : events) {
    if (event == Event::kTimeout) {
      if (client.wants(event)) run_->PassTime(client.timer_us() + kTimerSlackUs);
    } else if (spurious && client.wants(event)) {
      (event == Event::kReadable ? readable : writable) = true;
    }
  }
  run_->Log(ChaosLog::Who::kScheduler, "turns", client.descriptor(), readable + 2 * writable);
  // Loops count in milliseconds: a timer may fire that much too soon. Other clients may have the
  // same loop.
  for (ClientSlot& each : *slots_) {
    if (!each.client->exists() || !each.client->wants(Event::kTimeout) ||
        each.client->timer_us() > run_->now_us() + kTimerSlackUs) {
      continue;
    }
    each.timed = run_->in_timeout = true;
  }
  const bool may_be_due =
      client.wants(Event::kTimeout) && client.timer_us() <= run_->now_us() + kTimerSlackUs;
  if (may_be_due && !slot.connected && command_timeout_ && IsDue(client, Event::kWritable) &&
      guard_->Avoids(KnownFault::kConnectTimer)) {
    guard_->Abandon(KnownFault::kConnectTimer);
    return true;
  }
  const bool due =
      client.wants(Event::kTimeout) && client.timer_us() + kTimerSlackUs <= run_->now_us();
  if (due) {
    FireTimer(slot, [&] { client.Turn(readable, writable); });
  } else {
    client.Turn(readable, writable);
    run_->in_timeout = false;
  }
  return true;
}

bool EventLoop::FireAll() {
  bool fired = false;
  for (ClientSlot& slot : *slots_) {
    IoClient& client = *slot.client;
    if (!client.exists()) continue;
    for (const Event event : {Event::kWritable, Event::kReadable}) {
      if (!client.wants(event) || !IsDue(client, event)) continue;
      if (client.has_loop()) {
        Turn(slot, {&event, 1}, true);
      } else {
        FireWanted(slot, event);
      }
      fired = true;
      if (run_->violated()) return false;
      if (!client.exists()) break;
    }
  }
  return fired;
}

void EventLoop::RunUntilQuiet() {
  int idle = 0;  // rounds in which the client was active without effect
  while (rounds_left_-- > 0 && idle < kMostIdleRounds) {
    const bool moved = lines_->MoveAll(true, true, IoLines::kAll);
    if (run_->violated() || guard_->over()) return;
    const bool fired = FireAll();
    if (run_->violated() || guard_->over()) return;
    idle = fired && !moved ? idle + 1 : 0;
    if (fired || moved) continue;
    const int64_t wake = run_->scheduler.next_us();
    if (wake == kNever) return;
    run_->PassTime(wake);
  }
  if (idle == kMostIdleRounds) contract_->ReportUnrest(idle);
}

}  // namespace resprobe
