#include "worlds/io_chaos/split_check.h"

namespace resprobe {
namespace {

using Event = IoClient::Event;

// The maximum number of callbacks that are stored; a run with more is not repeated.
constexpr size_t kMostCallbacks = 16 * 1024;

}  // namespace

void SplitCheck::Reset() {
  repeatable_ = true;
  first_.clear();
}

void SplitCheck::Spoil() {
  repeatable_ = false;
  first_.clear();
}

void SplitCheck::Record(uint64_t command, uint64_t value) {
  if (!repeatable_) return;
  if (first_.size() == kMostCallbacks) return Spoil();
  first_.push_back({command, value});
}

bool SplitCheck::CanRepeat() {
  const ClientSlot& first = (*slots_)[0];
  if (!repeatable_ || !book_->complete() || first.socket < 0 || !first.connected || first.freed ||
      first.disconnected || first.timed || first.client->blocking() ||
      first.client->has_handshake()) {
    return false;
  }
  // Both have one loop: a timer of the first that is due fires in a turn of the second.
  if (first.client->has_loop() && first.client->wants(Event::kTimeout) &&
      first.client->timer_us() <= run_->now_us() + EventLoop::kTimerSlackUs) {
    return false;
  }
  if (first.monitors && guard_->Avoids(KnownFault::kMonitorSwallows)) return false;
  return run_->system.SocketAt(first.socket).read > 0;
}

void SplitCheck::Check(const IoClientOptions& options) {
  if (!CanRepeat()) return;
  const SimPosix::Socket& s = run_->system.SocketAt((*slots_)[0].socket);
  bytes_.assign(s.arrived, 0, s.read);
  ClientSlot& second = (*slots_)[1];
  slots_->set_current(second);
  second.Begin(0);
  second.client->Start(&run_->system, this);
  second_.clear();
  if (!second.client->Connect(options)) return;
  if (second.socket < 0) second.socket = second.client->descriptor();
  if (second.socket >= 0) Repeat(second);
  if (second.client->exists()) second.client->Free();
}

void SplitCheck::Repeat(ClientSlot& slot) {
  for (const uint64_t number : (*slots_)[0].sent.commands()) {
    const IoCommand& command = *book_->Find(number);
    slot.client->Command(number, command.answer(), words_->Of(command.request));
  }
  loop_->Fire(slot, Event::kWritable, false);
  if (run_->system.Connected(slot.socket)) run_->system.Send(slot.socket, bytes_);
  loop_->Fire(slot, Event::kReadable, true);
  const SimPosix::Socket& s = run_->system.SocketAt(slot.socket);
  while (slot.client->exists() && s.readable() > 0 && slot.client->wants(Event::kReadable) &&
         !run_->violated()) {
    loop_->Fire(slot, Event::kReadable, false);
  }
  if (run_->violated()) return;
  run_->context->Check(
      first_ == second_, "split_invariance",
      [&] { return std::to_string(second_.size()) + " callbacks, as in one slice"; },
      [&] { return std::to_string(first_.size()) + " callbacks, or others"; });
}

void SplitCheck::OnConnect(IoClient& client, bool ok) {
  notes_.Connect(client, ok);
  ClientSlot& slot = slots_->Of(client);
  contract_->ConnectsOnce(slot);
  slot.connected = ok;
}

void SplitCheck::OnReply(IoClient& client, uint64_t command, const IoReply* reply) {
  notes_.Reply(command, reply);
  if (!contract_->IsOfACommand(command, book_->WasGiven(command)) || reply == nullptr) return;
  second_.push_back({command, values_->Match(slots_->Of(client), *reply)});
}

void SplitCheck::OnPush(IoClient& client, const IoReply& push) {
  notes_.Push(push);
  second_.push_back({kPushed, values_->Match(slots_->Of(client), push)});
}

void SplitCheck::OnDisconnect(IoClient& client, bool ok) {
  notes_.Disconnect(client, slots_->Of(client).socket, ok);
}

void SplitCheck::OnGone(IoClient& client) { notes_.Gone(slots_->Of(client).socket); }

}  // namespace resprobe
