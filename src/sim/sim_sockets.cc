#include "sim/sim_sockets.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace resprobe {

int SimSockets::Forget(Socket* socket) { return std::exchange(socket->error, 0); }

void SimSockets::Reset() {
  for (size_t i = 0; i < kSockets; ++i) Close(static_cast<int>(i));
}

void SimSockets::Open(int socket) { Close(socket); }

void SimSockets::Close(int socket) {
  Socket& s = At(socket);
  s.connected = s.told = s.done = s.gone = s.down = false;
  s.error = 0;
  s.arrived.clear();
  s.sent.clear();
  s.read = s.taken = 0;
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
  // Said once, then that there is nothing to do.
  if (s.told) return -EISCONN;
  if (!s.down) {
    s.told = true;
    return 0;
  }
  // An error that another call has told already leaves an attempt that came to nothing.
  const int error = s.error != 0 ? Forget(&s) : ECONNABORTED;
  Close(socket);
  return -error;
}

int64_t SimSockets::Read(int socket, char* to, size_t size) {
  Socket& s = At(socket);
  // What came ahead of an end or a reset is read first.
  const size_t count = std::min(size, s.arrived.size() - s.read);
  if (count > 0) {
    std::memcpy(to, s.arrived.data() + s.read, count);
    s.read += count;
    if (s.read == s.arrived.size()) {
      s.arrived.clear();
      s.read = 0;
    }
    return static_cast<int64_t>(count);
  }
  if (!s.connected) return -ENOTCONN;
  if (s.done) return 0;  // whatever has come to pass since
  if (s.error != 0) return -Forget(&s);
  return s.down ? 0 : -EAGAIN;
}

size_t SimSockets::Room(int socket) {
  const size_t waiting = At(socket).sent.size() - At(socket).taken;
  return send_buffer_ - std::min(send_buffer_, waiting);
}

int64_t SimSockets::Write(int socket, const char* from, size_t size) {
  Socket& s = At(socket);
  if (s.error != 0) return -Forget(&s);
  if (s.down || !s.connected) return -EPIPE;
  const size_t count = std::min(size, Room(socket));
  if (count == 0) return -EAGAIN;
  if (s.gone) {
    // Taken, and answered by a reset, which after a FIN is a broken pipe.
    s.error = EPIPE;
    s.down = true;
  } else {
    s.sent.append(from, count);
  }
  return static_cast<int64_t>(count);
}

bool SimSockets::Readable(int socket) {
  const Socket& s = At(socket);
  return s.connected && (s.read < s.arrived.size() || s.done || s.down);
}

bool SimSockets::Writable(int socket) {
  const Socket& s = At(socket);
  return s.down || !s.connected || Room(socket) > 0;
}

int SimSockets::TakeError(int socket) { return Forget(&At(socket)); }

size_t SimSockets::Waiting(int socket) { return At(socket).sent.size() - At(socket).taken; }

std::string_view SimSockets::Take(int socket, size_t count) {
  Socket& s = At(socket);
  if (s.taken == s.sent.size()) return {};
  if (s.taken > 0) {
    s.sent.erase(0, s.taken);
    s.taken = 0;
  }
  s.taken = std::min(count, s.sent.size());
  return std::string_view(s.sent).substr(0, s.taken);
}

void SimSockets::Send(int socket, std::string_view bytes) { At(socket).arrived.append(bytes); }

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
    s.sent.clear();
    s.taken = 0;
  }
}

}  // namespace resprobe
