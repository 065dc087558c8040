#include "worlds/io_chaos/connection_memory.h"

namespace resprobe {
namespace {

// More than any client reads before it calls back.
constexpr size_t kKept = size_t{64} << 10;  // bytes
constexpr size_t kMuchOrigins = 4096;

}  // namespace

void ConnectionMemory::BoundLine(ClientSlot& slot) {
  const int socket = slot.socket;
  SimPosix::Socket& s = run_->system.SocketAt(socket);
  if (s.read >= kMuch) {
    const size_t complete = values_->PassOver(socket, kKept);
    if (complete > 0) {
      split_->Spoil();
      run_->system.Forget(socket, complete);
      values_->Forget(socket, complete);
      ahead_->Forget(socket, complete);
    }
  }
  IoPeer& peer = lines_->peer(socket);
  if (peer.origins_held() >= kMuchOrigins) {
    split_->Spoil();
    slot.sent.ForgetBefore(peer.ForgetOrigins(values_->count(socket)));
  }
  if (s.arrived.size() + lines_->InFlight(socket) >= 4 * kMuch && lines_->whole(socket)) {
    lines_->End(socket, PeerEnd::kReset);
  }
}

void ConnectionMemory::Bound() {
  for (ClientSlot& slot : *slots_) {
    if (slot.socket >= 0 && lines_->open(slot.socket) && slot.client->exists()) BoundLine(slot);
  }
}

size_t ConnectionMemory::held() {
  size_t held = split_->held();
  for (ClientSlot& slot : *slots_) {
    held += slot.sent.held();
    if (slot.socket < 0) continue;
    held += run_->system.SocketAt(slot.socket).arrived.size() + lines_->InFlight(slot.socket) +
            lines_->peer(slot.socket).origins_held();
  }
  return held;
}

}  // namespace resprobe
