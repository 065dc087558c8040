#include "live/tcp/tcp_peer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <utility>

#include "live/net/socket.h"
#include "live/net/unique_fd.h"
#include "live/proxy/toxic_link.h"

namespace resprobe::live {
namespace {

// Time limit for effects whose cause has already happened: only a stuck machine takes this long.
constexpr int kStuckMs = 10'000;

bool WaitFor(int fd, short events) {
  pollfd one = {fd, events, 0};
  int got = 0;
  while ((got = poll(&one, 1, kStuckMs)) < 0 && errno == EINTR) {
  }
  return got > 0;
}

// A socket bound to a free port of 127.0.0.1, which refuses connections until it listens.
UniqueFd BindLoopback(std::string* error) {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (!fd.valid() ||
      bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    *error = std::string("no port to listen on: ") + std::strerror(errno);
    fd.Reset();
  }
  return fd;
}

class LocalTcpPeer : public TcpPeer {
 public:
  bool Open(std::string* error) {
    listener_ = BindLoopback(error);
    if (!listener_.valid()) return false;
    refuser_ = BindLoopback(error);
    if (!refuser_.valid()) return false;
    // The smallest size that the system allows; accepted sockets inherit it.
    const int least = 1;
    setsockopt(listener_.get(), SOL_SOCKET, SO_RCVBUF, &least, sizeof(least));
    if (listen(listener_.get(), static_cast<int>(SocketApi::kSockets)) != 0) {
      *error = std::string("cannot listen: ") + std::strerror(errno);
      return false;
    }
    return true;
  }

  uint16_t port() const override { return LocalPort(listener_.get()); }
  uint16_t refusing_port() const override { return LocalPort(refuser_.get()); }

  bool Accept(int socket) override {
    if (!WaitFor(listener_.get(), POLLIN)) return Fail("no connection to accept");
    UniqueFd& fd = At(socket);
    fd.Reset(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd.valid()) return Fail("accept");
    const int on = 1;
    setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return true;
  }

  bool Take(int socket, size_t count, std::string* bytes) override {
    const int fd = At(socket).get();
    while (count > 0) {
      char some[4096];
      const ssize_t got = recv(fd, some, std::min(count, sizeof(some)), 0);
      if (got > 0) {
        bytes->append(some, static_cast<size_t>(got));
        count -= static_cast<size_t>(got);
        // Acknowledge at once, not with the next data.
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
        continue;
      }
      if (got == 0) return Fail("the client's stream ends too early");
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return Fail("recv");
      if (!WaitFor(fd, POLLIN)) return Fail("the client's bytes do not arrive");
    }
    return true;
  }

  bool Send(int socket, std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t sent = send(At(socket).get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent > 0) bytes.remove_prefix(static_cast<size_t>(sent));
      if (sent < 0 && errno != EINTR) {
        return Fail(errno == EAGAIN ? "the system cannot hold more bytes for the client" : "send");
      }
    }
    return true;
  }

  bool End(int socket, PeerEnd how, size_t waiting) override {
    UniqueFd& fd = At(socket);
    if (how == PeerEnd::kHalfClose) {
      return shutdown(fd.get(), SHUT_WR) == 0 || Fail("shutdown");
    }
    if (how == PeerEnd::kClose) {
      std::string dropped;
      if (!Take(socket, waiting, &dropped)) return false;
    }
    CloseWith(&fd, how == PeerEnd::kReset);
    return true;
  }

  bool Forget(int socket) override {
    CloseWith(&At(socket), true);
    return true;
  }

  const std::string& error() const override { return error_; }

 private:
  UniqueFd& At(int socket) { return fds_[static_cast<size_t>(socket)]; }
  bool Fail(const std::string& what) {
    if (error_.empty()) error_ = what + ": " + std::strerror(errno);
    return false;
  }

  UniqueFd listener_;
  UniqueFd refuser_;
  std::array<UniqueFd, SocketApi::kSockets> fds_;
  std::string error_;
};

// --- Between processes: each request and each answer is one Message, followed by bytes.

struct Message {
  enum class What : uint8_t { kPorts, kAccept, kTake, kSend, kEnd, kForget };
  What what = What::kPorts;
  PeerEnd how = PeerEnd::kHalfClose;
  bool done = false;  // in an answer; if false, the bytes say why
  int8_t socket = 0;
  uint16_t port = 0;
  uint16_t refusing_port = 0;
  uint64_t count = 0;
  uint64_t size = 0;  // number of bytes that follow
};

bool ReceiveAll(int fd, void* to, size_t size) {
  auto* at = static_cast<char*>(to);
  while (size > 0) {
    const ssize_t got = recv(fd, at, size, MSG_WAITALL);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    size -= static_cast<size_t>(got);
  }
  return true;
}

bool SendMessage(int fd, Message message, std::string_view bytes) {
  message.size = bytes.size();
  return SendAll(fd, {reinterpret_cast<const char*>(&message), sizeof(message)}) &&
         (bytes.empty() || SendAll(fd, bytes));
}

bool ReceiveMessage(int fd, Message* message, std::string* bytes) {
  if (!ReceiveAll(fd, message, sizeof(*message))) return false;
  bytes->resize(message->size);
  return ReceiveAll(fd, bytes->data(), bytes->size());
}

// Runs the process that has the peer's sockets.
void Serve(int control) {
  LocalTcpPeer hands;
  std::string error;
  const bool open = hands.Open(&error);
  Message message;
  std::string bytes;
  std::string answer;
  while (ReceiveMessage(control, &message, &bytes)) {
    answer.clear();
    switch (message.what) {
      case Message::What::kPorts:
        message.done = open;
        if (open) {
          message.port = hands.port();
          message.refusing_port = hands.refusing_port();
        } else {
          answer = error;
        }
        break;
      case Message::What::kAccept:
        message.done = hands.Accept(message.socket);
        break;
      case Message::What::kTake:
        message.done = hands.Take(message.socket, message.count, &answer);
        break;
      case Message::What::kSend:
        message.done = hands.Send(message.socket, bytes);
        break;
      case Message::What::kEnd:
        message.done = hands.End(message.socket, message.how, message.count);
        break;
      case Message::What::kForget:
        message.done = hands.Forget(message.socket);
        break;
    }
    if (!message.done && open) answer = hands.error();
    if (!SendMessage(control, message, answer)) return;
  }
}

class ForkedTcpPeer : public TcpPeer {
 public:
  ~ForkedTcpPeer() override {
    control_.Reset();
    if (pid_ <= 0 || owner_ != getpid()) return;
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  bool Open(std::string* error) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
      *error = std::string("cannot make a control channel: ") + std::strerror(errno);
      return false;
    }
    control_.Reset(ends[0]);
    UniqueFd theirs(ends[1]);
    std::fflush(nullptr);
    owner_ = getpid();
    pid_ = fork();
    if (pid_ < 0) {
      *error = std::string("cannot fork: ") + std::strerror(errno);
      return false;
    }
    if (pid_ == 0) {
      control_.Reset();
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      signal(SIGINT, SIG_IGN);  // the owner ends it
      if (getppid() == owner_) Serve(theirs.get());
      _exit(0);
    }
    theirs.Reset();
    if (Ask({.what = Message::What::kPorts})) return true;
    *error = error_;
    return false;
  }

  uint16_t port() const override { return answer_port_; }
  uint16_t refusing_port() const override { return answer_refusing_port_; }
  bool Accept(int socket) override { return Ask({.what = Message::What::kAccept}, socket); }
  bool Take(int socket, size_t count, std::string* bytes) override {
    if (!Ask({.what = Message::What::kTake, .count = count}, socket)) return false;
    bytes->append(bytes_);
    return true;
  }
  bool Send(int socket, std::string_view bytes) override {
    return Ask({.what = Message::What::kSend}, socket, bytes);
  }
  bool End(int socket, PeerEnd how, size_t waiting) override {
    return Ask({.what = Message::What::kEnd, .how = how, .count = waiting}, socket);
  }
  bool Forget(int socket) override { return Ask({.what = Message::What::kForget}, socket); }
  const std::string& error() const override { return error_; }

 private:
  bool Ask(Message message, int socket = 0, std::string_view bytes = {}) {
    if (!error_.empty()) return false;
    message.socket = static_cast<int8_t>(socket);
    if (!SendMessage(control_.get(), message, bytes) ||
        !ReceiveMessage(control_.get(), &message, &bytes_)) {
      error_ = "the peer's process is gone";
      return false;
    }
    if (!message.done) error_ = bytes_;
    if (message.what == Message::What::kPorts) {
      answer_port_ = message.port;
      answer_refusing_port_ = message.refusing_port;
    }
    return message.done;
  }

  UniqueFd control_;
  pid_t pid_ = -1;
  pid_t owner_ = 0;  // a forked child has the object, but must not use the peer
  uint16_t answer_port_ = 0;
  uint16_t answer_refusing_port_ = 0;
  std::string bytes_;
  std::string error_;
};

template <class Hands>
std::unique_ptr<TcpPeer> Make(std::string* error) {
  auto hands = std::make_unique<Hands>();
  if (!hands->Open(error)) return nullptr;
  return hands;
}

}  // namespace

std::unique_ptr<TcpPeer> MakePeerHands(std::string* error) { return Make<LocalTcpPeer>(error); }
std::unique_ptr<TcpPeer> ForkPeerHands(std::string* error) { return Make<ForkedTcpPeer>(error); }

}  // namespace resprobe::live
