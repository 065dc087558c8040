#include "live/tcp/kernel_sockets.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "live/proxy/socket_log.h"
#include "live/proxy/toxic_link.h"

namespace resprobe::live {
namespace {

// Time limit for effects that a kernel has at once. It ends a run, but never decides its result.
constexpr int kStuckMs = 10'000;
// The most unread bytes that a client's socket may have: more would stay in the kernel at the
// peer's end.
constexpr uint64_t kMostUnread = 128 << 10;

int64_t Result(ssize_t result) { return result >= 0 ? result : -errno; }

// Waits for a state of the kernel that no event signals.
template <class Done>
bool Await(const Done& done) {
  const int64_t until = SteadyUs() + kStuckMs * int64_t{1000};
  while (!done()) {
    if (SteadyUs() > until) return false;
    sched_yield();
  }
  return true;
}

}  // namespace

void KernelSockets::Fail(std::string_view what) {
  if (error_.empty()) error_ = what;
}

void KernelSockets::AwaitEvent(const Socket& socket, short events) {
  pollfd one = {socket.fd.get(), events, 0};
  int got = 0;
  while ((got = poll(&one, 1, kStuckMs)) < 0 && errno == EINTR) {
  }
  if (got <= 0) Fail("the kernel does not deliver what the peer has done");
}

void KernelSockets::Reset() {
  for (size_t i = 0; i < kSockets; ++i) Close(static_cast<int>(i));
}

void KernelSockets::Begin() {
  error_.clear();
  writes_.clear();
  writables_.clear();
}

void KernelSockets::Open(int socket) {
  Close(socket);
  Socket& s = At(socket);
  s.fd.Reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!s.fd.valid()) return Fail(std::string("socket: ") + std::strerror(errno));
  const int on = 1;
  const int least = 1;
  const int most = static_cast<int>(4 * kMostUnread);
  setsockopt(s.fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  setsockopt(s.fd.get(), SOL_SOCKET, SO_SNDBUF, &least, sizeof(least));
  setsockopt(s.fd.get(), SOL_SOCKET, SO_RCVBUF, &most, sizeof(most));
}

void KernelSockets::Close(int socket) {
  Socket& s = At(socket);
  if (!s.fd.valid()) return;
  // Close with a reset, so that a finished run leaves no connection in TIME_WAIT; the peer, which
  // could see the reset, drops the connection too.
  CloseWith(&s.fd, true);
  if (s.accepted && !s.gone && !s.reset && !peer_->Forget(socket)) Fail(peer_->error());
  s = {};
}

void KernelSockets::Establish(int socket, bool accepts) {
  Socket& s = At(socket);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(accepts ? peer_->port() : peer_->refusing_port());
  const int result =
      connect(s.fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  if (result != 0 && errno != EINPROGRESS) {
    return Fail(std::string("connect: ") + std::strerror(errno));
  }
  AwaitEvent(s, POLLOUT);
  if (!accepts) return;
  s.accepted = peer_->Accept(socket);
  if (!s.accepted) Fail(peer_->error());
}

int KernelSockets::Connect(int socket) {
  Socket& s = At(socket);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(peer_->port());
  return static_cast<int>(
      Result(connect(s.fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address))));
}

int64_t KernelSockets::Read(int socket, char* to, size_t size) {
  Socket& s = At(socket);
  const int64_t result = Result(recv(s.fd.get(), to, size, 0));
  if (result > 0) s.read += static_cast<uint64_t>(result);
  return result;
}

int64_t KernelSockets::Write(int socket, const char* from, size_t size) {
  Socket& s = At(socket);
  const int64_t result = Result(send(s.fd.get(), from, size, MSG_NOSIGNAL));
  writes_.push_back(result);
  if (result <= 0) return result;
  s.written += static_cast<uint64_t>(result);
  if (s.gone && !s.reset) {
    s.reset = true;
    AwaitEvent(s, 0);  // POLLERR is always reported
  }
  return result;
}

bool KernelSockets::Readable(int socket) {
  pollfd one = {At(socket).fd.get(), POLLIN, 0};
  return poll(&one, 1, 0) > 0 && (one.revents & POLLIN) != 0;
}

bool KernelSockets::Writable(int socket) {
  pollfd one = {At(socket).fd.get(), POLLOUT, 0};
  const bool writable = poll(&one, 1, 0) > 0 && (one.revents & POLLOUT) != 0;
  writables_.push_back(writable ? 1 : 0);
  return writable;
}

int KernelSockets::TakeError(int socket) {
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(At(socket).fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

size_t KernelSockets::Waiting(int socket) {
  const Socket& s = At(socket);
  return s.gone || s.reset ? 0 : static_cast<size_t>(s.written - s.taken);
}

std::string_view KernelSockets::Take(int socket, size_t count) {
  Socket& s = At(socket);
  taken_.clear();
  if (!peer_->Take(socket, count, &taken_)) {
    Fail(peer_->error());
    return {};
  }
  s.taken += count;
  // After the peer has taken everything, the send buffer is empty as soon as the client's kernel
  // receives the acknowledgement.
  const auto heard = [&] {
    int unheard = 0;
    return s.taken < s.written || ioctl(s.fd.get(), SIOCOUTQ, &unheard) != 0 || unheard == 0;
  };
  if (!Await(heard)) Fail("the kernel does not learn that the peer has read");
  return taken_;
}

void KernelSockets::Send(int socket, std::string_view bytes) {
  Socket& s = At(socket);
  if (s.sent - s.read + bytes.size() > kMostUnread) {
    return Fail("too many unread bytes wait for the client");
  }
  if (!peer_->Send(socket, bytes)) return Fail(peer_->error());
  s.sent += bytes.size();
  if (!Await([&] { return WaitingBytes(s.fd.get()) >= s.sent - s.read; })) {
    Fail("the kernel does not deliver what the peer has sent");
  }
}

void KernelSockets::End(int socket, PeerEnd how) {
  Socket& s = At(socket);
  if (!s.accepted || s.gone || s.reset) return;
  if (!peer_->End(socket, how, Waiting(socket))) return Fail(peer_->error());
  if (how == PeerEnd::kReset) {
    s.reset = true;
    AwaitEvent(s, 0);  // POLLERR is always reported
    return;
  }
  s.gone = how == PeerEnd::kClose;
  AwaitEvent(s, POLLRDHUP);
}

}  // namespace resprobe::live
