#include "live/proxy.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "live/socket.h"

namespace resprobe::live {
namespace {

constexpr size_t kMaxWaiting = 1 << 20;
constexpr size_t kReadBytes = 64 << 10;

bool IsTransient(int code) { return code == EAGAIN || code == EWOULDBLOCK || code == EINTR; }

}  // namespace

Proxy::Proxy(UniqueFd listening, Connector connect, TrafficListener* listener)
    : listening_(std::move(listening)), connect_(std::move(connect)), listener_(listener) {}

bool Proxy::Run(int stop_fd, std::string* error) {
  if (!SetNonBlocking(listening_.get())) {
    *error = std::string("cannot set up the listening socket: ") + std::strerror(errno);
    return false;
  }
  bool well = true;
  for (;;) {
    polled_.clear();
    polled_.push_back({stop_fd, POLLIN, 0});
    polled_.push_back({listening_.get(), POLLIN, 0});
    for (const Connection& c : connections_) {
      const auto wanted = [](const Flow& in, const Flow& out) -> short {
        const bool room = !in.ended && in.waiting.size() < kMaxWaiting;
        return static_cast<short>((room ? POLLIN : 0) | (out.waiting.empty() ? 0 : POLLOUT));
      };
      // Without anything to wait for, an end that hung up would wake poll() again and again.
      const short client = wanted(c.requests, c.replies);
      const short server = wanted(c.replies, c.requests);
      polled_.push_back({client == 0 ? -1 : c.client.get(), client, 0});
      polled_.push_back({server == 0 ? -1 : c.server.get(), server, 0});
    }
    if (poll(polled_.data(), polled_.size(), -1) < 0) {
      if (errno == EINTR) continue;
      *error = std::string("poll failed: ") + std::strerror(errno);
      well = false;
      break;
    }
    if (polled_[0].revents != 0) break;
    size_t i = 2;
    for (auto c = connections_.begin(); c != connections_.end(); i += 2) {
      Serve(*c, polled_[i].revents, polled_[i + 1].revents);
      if (c->done()) {
        listener_->OnClose(c->id);
        c = connections_.erase(c);
      } else {
        ++c;
      }
    }
    if (polled_[1].revents != 0) Accept();
  }
  for (const Connection& c : connections_) listener_->OnClose(c.id);
  connections_.clear();
  return well;
}

void Proxy::Accept() {
  UniqueFd client(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!client.valid()) return;
  const int on = 1;
  setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  std::string error;
  UniqueFd server = connect_(&error);
  if (!server.valid() || !SetNonBlocking(server.get())) {
    listener_->OnRefused(error);
    return;
  }
  Connection& c = connections_.emplace_back();
  c.id = ++last_id_;
  c.client = std::move(client);
  c.server = std::move(server);
  listener_->OnOpen(c.id);
}

void Proxy::Serve(Connection& connection, short client_events, short server_events) {
  Move(connection, true, (client_events & ~POLLOUT) != 0);
  if (!connection.broken) Move(connection, false, (server_events & ~POLLOUT) != 0);
}

void Proxy::Move(Connection& connection, bool from_client, bool readable) {
  Flow& flow = from_client ? connection.requests : connection.replies;
  const int from = (from_client ? connection.client : connection.server).get();
  const int to = (from_client ? connection.server : connection.client).get();
  if (readable && !flow.ended && flow.waiting.size() < kMaxWaiting) {
    char bytes[kReadBytes];
    const ssize_t size = recv(from, bytes, sizeof(bytes), 0);
    if (size > 0) {
      const std::string_view got(bytes, static_cast<size_t>(size));
      if (from_client) {
        listener_->OnClientBytes(connection.id, got);
      } else {
        listener_->OnServerBytes(connection.id, got);
      }
      flow.waiting.append(got);
    } else if (size == 0 || !IsTransient(errno)) {
      flow.ended = true;
    }
  }
  if (!flow.waiting.empty()) {
    const ssize_t sent = send(to, flow.waiting.data(), flow.waiting.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      flow.waiting.erase(0, static_cast<size_t>(sent));
    } else if (sent < 0 && !IsTransient(errno)) {
      if (from_client) {
        // The server no longer listens, but what it has said last (an error, as a rule) still has
        // to reach the client.
        flow.waiting.clear();
        flow.ended = true;
      } else {
        connection.broken = true;
        return;
      }
    }
  }
  if (flow.ended && flow.waiting.empty() && !flow.closed) {
    flow.closed = true;
    shutdown(to, SHUT_WR);
  }
}

}  // namespace resprobe::live
