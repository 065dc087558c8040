#include "sim/sim_sockets.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace resprobe {

int SimSockets::Forget(Socket* socket) { return std::exchange(socket->error, 0); }

void SimSockets::Reset() {
  for (; opened_ > 0; --opened_) Close(opened_ - 1);
}

void SimSockets::Open(int socket) {
  Close(socket);
  opened_ = std::max(opened_, socket + 1);
}

void SimSockets::Close(int socket) {
  Socket& s = At(socket);
  s.connected = s.told = s.done = s.gone = s.down = false;
  s.error = 0;
  s.arrived.Reset();
  s.sent.Reset();
}

void SimSockets::Establish(int socket, bool accepts) {
  Socket& s = At(socket);
  s.connected = true;
  if (accepts) return;
  s.error = ECONNREFUSED;
  s.down = true;
}

int SimSockets::Connect(int socket) {
  Socket& s = At(socket);
  // Reported once; then connect() has nothing to do.
  if (s.told) return -EISCONN;
  if (!s.down) {
    s.told = true;
    return 0;
  }
  // If another call has already returned the error, the failed attempt is reported as aborted.
  const int error = s.error != 0 ? Forget(&s) : ECONNABORTED;
  Close(socket);
  return -error;
}

int64_t SimSockets::Read(int socket, char* to, size_t size) {
  Socket& s = At(socket);
  // What arrived before an end or a reset is read first.
  if (s.arrived.in_flight() > 0 && size > 0) {
    const std::string_view bytes = s.arrived.Take(size);
    std::memcpy(to, bytes.data(), bytes.size());
    return static_cast<int64_t>(bytes.size());
  }
  if (!s.connected) return -ENOTCONN;
  if (s.done) return 0;  // whatever has happened since
  if (s.error != 0) return -Forget(&s);
  return s.down ? 0 : -EAGAIN;
}

size_t SimSockets::Room(int socket) {
  const size_t waiting = At(socket).sent.in_flight();
  return send_buffer_ - std::min(send_buffer_, waiting);
}

int64_t SimSockets::Write(int socket, const char* from, size_t size) {
  Socket& s = At(socket);
  if (s.error != 0) return -Forget(&s);
  if (s.down || !s.connected) return -EPIPE;
  const size_t count = std::min(size, Room(socket));
  if (count == 0) return -EAGAIN;
  if (s.gone) {
    // Accepted, and answered by a reset, which after a FIN is a broken pipe.
    s.error = EPIPE;
    s.down = true;
  } else {
    s.sent.Put({from, count});
  }
  return static_cast<int64_t>(count);
}

bool SimSockets::Readable(int socket) {
  const Socket& s = At(socket);
  return s.connected && (s.arrived.in_flight() > 0 || s.done || s.down);
}

bool SimSockets::Writable(int socket) {
  const Socket& s = At(socket);
  return s.down || !s.connected || Room(socket) > 0;
}

int SimSockets::TakeError(int socket) { return Forget(&At(socket)); }

size_t SimSockets::Waiting(int socket) { return At(socket).sent.in_flight(); }

std::string_view SimSockets::Take(int socket, size_t count) { return At(socket).sent.Take(count); }

void SimSockets::Send(int socket, std::string_view bytes) { At(socket).arrived.Put(bytes); }

void SimSockets::End(int socket, PeerEnd how) {
  Socket& s = At(socket);
  if (s.gone || s.down) return;
  if (how == PeerEnd::kReset) {
    s.error = s.done ? EPIPE : ECONNRESET;
    s.down = true;
  } else {
    s.done = true;
    s.gone = how == PeerEnd::kClose;
  }
  if (how != PeerEnd::kHalfClose) {
    s.sent.Lose();
  }
}

}  // namespace resprobe
