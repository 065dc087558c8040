#include "live/net/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <memory>

namespace resprobe::live {
namespace {

constexpr timeval kConnectTimeout = {.tv_sec = 10, .tv_usec = 0};

bool IsLoopback(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in in;
    std::memcpy(&in, address, sizeof(in));
    return ntohl(in.sin_addr.s_addr) >> 24 == 127;
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 in;
    std::memcpy(&in, address, sizeof(in));
    if (IN6_IS_ADDR_V4MAPPED(&in.sin6_addr)) return in.sin6_addr.s6_addr[12] == 127;
    return IN6_IS_ADDR_LOOPBACK(&in.sin6_addr);
  }
  return false;
}

void SetNoDelay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

// connect(2), resumed after a signal.
bool ConnectSocket(int fd, const sockaddr* address, socklen_t size) {
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kConnectTimeout, sizeof(kConnectTimeout));
  int result;
  do {
    result = connect(fd, address, size);
  } while (result != 0 && errno == EINTR);
  if (result != 0 && errno == EINPROGRESS) errno = ETIMEDOUT;
  const bool connected = result == 0 || errno == EISCONN;
  const timeval none = {};
  if (connected) setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof(none));
  return connected;
}

// The addresses of a host, if any of them is permitted; otherwise null.
using Resolved = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;
Resolved Resolve(const Address& address, bool allow_remote, std::string* error) {
  addrinfo hints = {};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(address.port);
  const int failure = getaddrinfo(address.host.c_str(), port.c_str(), &hints, &found);
  if (failure != 0) {
    *error = "cannot find the host '" + address.host + "': " + gai_strerror(failure);
    return {nullptr, freeaddrinfo};
  }
  Resolved resolved(found, freeaddrinfo);
  for (const addrinfo* a = found; a != nullptr; a = a->ai_next) {
    if (allow_remote || IsLoopback(a->ai_addr)) return resolved;
  }
  *error = "'" + address.host + "' is not this machine: --allow-remote permits it";
  return {nullptr, freeaddrinfo};
}

// What the system's table of sockets says of the one with these addresses, or, if there is no such
// connection, of the one that listens on `own`; idiag_state is 0 if there is neither. nullopt if
// the system does not tell.
std::optional<inet_diag_msg> Diagnose(const sockaddr_in& own, const sockaddr_in& peer) {
  const UniqueFd diag(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!diag.valid()) return std::nullopt;
  struct {
    nlmsghdr header;
    inet_diag_req_v2 request;
  } ask = {};
  ask.header.nlmsg_len = sizeof(ask);
  ask.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  ask.header.nlmsg_flags = NLM_F_REQUEST;
  ask.request.sdiag_family = AF_INET;
  ask.request.sdiag_protocol = IPPROTO_TCP;
  ask.request.idiag_states = ~0U;
  ask.request.id.idiag_sport = own.sin_port;
  ask.request.id.idiag_dport = peer.sin_port;
  ask.request.id.idiag_src[0] = own.sin_addr.s_addr;
  ask.request.id.idiag_dst[0] = peer.sin_addr.s_addr;
  ask.request.id.idiag_cookie[0] = ask.request.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  if (send(diag.get(), &ask, sizeof(ask), 0) != sizeof(ask)) return std::nullopt;
  alignas(nlmsghdr) char bytes[4096];
  const ssize_t got = recv(diag.get(), bytes, sizeof(bytes), 0);
  if (got < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(nlmsgerr)))) return std::nullopt;
  nlmsghdr header;
  std::memcpy(&header, bytes, sizeof(header));
  inet_diag_msg message = {};
  if (header.nlmsg_type == NLMSG_ERROR) {
    nlmsgerr error;
    std::memcpy(&error, bytes + NLMSG_HDRLEN, sizeof(error));
    if (error.error == -ENOENT) return message;
    return std::nullopt;
  }
  if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
      got < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(message)))) {
    return std::nullopt;
  }
  std::memcpy(&message, bytes + NLMSG_HDRLEN, sizeof(message));
  return message;
}

}  // namespace

std::string Address::ToText() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::optional<Address> ParseAddress(std::string_view text, std::string* error) {
  const auto fail = [&]() -> std::optional<Address> {
    *error = "'" + std::string(text) + "' is not HOST:PORT, such as 127.0.0.1:6379";
    return std::nullopt;
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return fail();
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return fail();
  }
  Address address{std::string(host), 0};
  const auto [end, code] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (host.empty() || code != std::errc() || end != port.data() + port.size() ||
      address.port == 0) {
    return fail();
  }
  return address;
}

bool MayConnect(const Address& address, bool allow_remote, std::string* error) {
  return Resolve(address, allow_remote, error) != nullptr;
}

UniqueFd Connect(const Address& address, bool allow_remote, std::string* error) {
  const Resolved resolved = Resolve(address, allow_remote, error);
  if (resolved == nullptr) return UniqueFd();
  int reason = 0;
  for (const addrinfo* a = resolved.get(); a != nullptr; a = a->ai_next) {
    if (!allow_remote && !IsLoopback(a->ai_addr)) continue;
    UniqueFd fd(socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol));
    if (fd.valid() && ConnectSocket(fd.get(), a->ai_addr, a->ai_addrlen)) {
      SetNoDelay(fd.get());
      return fd;
    }
    reason = errno;
  }
  *error = "cannot connect to " + address.ToText() + ": " + std::strerror(reason);
  return UniqueFd();
}

UniqueFd ConnectUnix(const std::string& path, std::string* error) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    *error = "the path of the socket is too long: " + path;
    return UniqueFd();
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid() ||
      !ConnectSocket(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address))) {
    *error = "cannot connect to " + path + ": " + std::strerror(errno);
    return UniqueFd();
  }
  return fd;
}

UniqueFd Listen(uint16_t port, bool allow_remote, std::string* error) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(allow_remote ? INADDR_ANY : INADDR_LOOPBACK);
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd.valid()) ReuseAddress(fd.get());
  if (!fd.valid() ||
      bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(fd.get(), SOMAXCONN) != 0) {
    *error = "cannot listen on port " + std::to_string(port) + ": " + std::strerror(errno);
    return UniqueFd();
  }
  return fd;
}

UniqueFd ReservePort(uint16_t* port, std::string* error) {
  // The name of an abstract socket belongs to one process, and is free once that has ended.
  constexpr int kTries = 64;
  for (int i = 0; i < kTries; ++i) {
    const UniqueFd free = Listen(0, false, error);
    if (!free.valid()) return UniqueFd();
    *port = LocalPort(free.get());
    const std::string name = "resprobe-port-" + std::to_string(*port);
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    UniqueFd held(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (held.valid() && bind(held.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0) {
      return held;
    }
    if (errno != EADDRINUSE) break;
  }
  *error = std::string("cannot reserve a port: ") + std::strerror(errno);
  return UniqueFd();
}

uint16_t LocalPort(int fd) {
  sockaddr_in address = {};
  socklen_t size = sizeof(address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return address.sin_family == AF_INET ? ntohs(address.sin_port) : 0;
}

void ReuseAddress(int fd) {
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
}

bool SetNonBlocking(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

void AcknowledgeNow(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}

bool SendAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

std::optional<size_t> UnreadAtPeer(int fd) {
  sockaddr_in own = {};
  sockaddr_in peer = {};
  socklen_t own_size = sizeof(own);
  socklen_t peer_size = sizeof(peer);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&own), &own_size) != 0 ||
      getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0 ||
      own.sin_family != AF_INET || peer.sin_family != AF_INET) {
    return std::nullopt;
  }
  // The other end's own address is what this end calls its peer's.
  const std::optional<inet_diag_msg> found = Diagnose(peer, own);
  if (!found || found->idiag_state == 0) return std::nullopt;
  return found->idiag_rqueue;
}

std::optional<uint64_t> ListenerInode(uint16_t port) {
  sockaddr_in own = {};
  own.sin_family = AF_INET;
  own.sin_port = htons(port);
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in nobody = own;
  nobody.sin_port = 0;
  const std::optional<inet_diag_msg> found = Diagnose(own, nobody);
  constexpr uint8_t kListens = 10;  // TCP_LISTEN of the kernel
  if (!found) return std::nullopt;
  return found->idiag_state == kListens ? found->idiag_inode : 0;
}

}  // namespace resprobe::live
