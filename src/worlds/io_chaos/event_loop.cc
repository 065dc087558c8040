#include "worlds/io_chaos/event_loop.h"

#include <string>

namespace resprobe {
namespace {

using Event = IoClient::Event;

// The maximum number of consecutive rounds in which nothing moves.
constexpr int kMostIdleRounds = 300;

}  // namespace

void EventLoop::OnConnecting(int socket) {
  ClientSlot& slot = slots_->current();
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
      // Nothing would ever arrive: the peer closes the connection.
      lines_->End(socket, PeerEnd::kClose);
      continue;
    }
    run_->PassTime(wake);
  }
  if (until_us != SimPosix::kNever) run_->PassTime(until_us);
  return false;
}

bool EventLoop::IsDue(const IoClient& client, Event event) {
  if (client.blocking() || event == Event::kTimeout) return true;
  const int socket = client.descriptor();
  return event == Event::kReadable ? run_->system.Readable(socket) : run_->system.Writable(socket);
}

bool EventLoop::Fire(ClientSlot& slot, Event event, bool spurious) {
  IoClient& client = *slot.client;
  if (!client.exists() || !client.wants(event)) return false;
  if (!spurious && !IsDue(client, event)) return false;
  if (event == Event::kTimeout) run_->PassTime(client.timer_us());
  run_->Log(ChaosLog::Who::kScheduler, "fires", client.descriptor(), static_cast<int64_t>(event));
  run_->in_timeout = event == Event::kTimeout;
  client.Fire(event);
  run_->in_timeout = false;
  return true;
}

bool EventLoop::FireAll() {
  bool fired = false;
  for (ClientSlot& slot : *slots_) {
    IoClient& client = *slot.client;
    if (!client.exists()) continue;
    for (const Event event : {Event::kWritable, Event::kReadable}) {
      if (!client.exists() || !client.wants(event) || !IsDue(client, event)) continue;
      Fire(slot, event, true);
      fired = true;
      if (run_->violated()) return false;
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
