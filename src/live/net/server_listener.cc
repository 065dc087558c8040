#include "live/net/server_listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <utility>

#include "live/net/socket.h"

namespace resprobe::live {
namespace {

constexpr size_t kMaxWaiting = 1 << 20;
constexpr size_t kMostWaiting = 1 << 30;
constexpr size_t kReadBytes = 64 << 10;
// As often as a server's own timer, so that expired keys are deleted by then.
constexpr int kTickMs = 100;
// How many calls a child process makes between two turns of the event loop.
constexpr int kChildCalls = 64;

bool IsTransient(int code) { return code == EAGAIN || code == EWOULDBLOCK || code == EINTR; }

int64_t SystemMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

ServerConfig StartingAt(ServerConfig config, ServerListener::Time time) {
  if (time == ServerListener::Time::kReal) config.start_ms = SystemMs();
  return config;
}

}  // namespace

std::optional<Profile> ParseProfile(std::string_view name, std::string* error) {
  std::string all;
  for (uint8_t i = 0;; ++i) {
    const auto profile = static_cast<Profile>(i);
    const std::string_view known = ProfileName(profile);
    if (known.empty()) break;
    if (known == name) return profile;
    all += (all.empty() ? "" : ", ") + std::string(known);
  }
  *error = "there is no profile '" + std::string(name) + "': use one of " + all;
  return std::nullopt;
}

ServerListener::ServerListener(UniqueFd listening, ServerConfig config, Time time)
    : listening_(std::move(listening)),
      time_(time),
      host_(LocalPort(listening_.get()), static_cast<uint64_t>(SystemMs())),
      server_(StartingAt(config, time)) {
  server_.set_host(&host_);
  buffer_.resize(kReadBytes);
}

bool ServerListener::UseFiles(FileSystem* files, PersistenceLog* log) {
  return server_.Start(files, static_cast<uint64_t>(getpid()), log);
}

bool ServerListener::Run(int stop_fd, std::string* error) {
  if (!SetNonBlocking(listening_.get())) {
    *error = std::string("cannot set up the listening socket: ") + std::strerror(errno);
    return false;
  }
  for (;;) {
    polled_.clear();
    polled_.push_back({stop_fd, POLLIN, 0});
    polled_.push_back({listening_.get(), POLLIN, 0});
    for (const Connection& c : connections_) {
      const size_t waiting = server_.Output(c.id).size();
      polled_.push_back(
          {c.fd.get(),
           static_cast<short>((waiting < kMaxWaiting ? POLLIN : 0) | (waiting > 0 ? POLLOUT : 0)),
           0});
    }
    if (poll(polled_.data(), polled_.size(), PollMs()) < 0) {
      if (errno == EINTR) continue;
      *error = std::string("poll failed: ") + std::strerror(errno);
      return false;
    }
    if (polled_[0].revents != 0) return true;
    Tick();
    size_t i = 2;
    for (Connection& c : connections_) {
      if ((polled_[i++].revents & ~POLLOUT) != 0) Read(c);
    }
    // Input from one client can have produced output for any other.
    for (auto c = connections_.begin(); c != connections_.end();) {
      Write(*c);
      if (c->gone) {
        server_.Close(c->id);
        c = connections_.erase(c);
      } else {
        ++c;
      }
    }
    if (server_.exited()) return true;
    if (polled_[1].revents != 0) Accept();
    Work();
  }
}

int ServerListener::PollMs() const {
  if (server_.persistence().child_runs()) return 0;
  return time_ == Time::kReal ? kTickMs : -1;
}

void ServerListener::Work() {
  Persistence& persistence = server_.persistence();
  while (persistence.thread_waits()) persistence.RunThread();
  for (int i = 0; i < kChildCalls && persistence.child_runs(); ++i) persistence.StepChild();
}

void ServerListener::Accept() {
  UniqueFd fd(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd.valid()) return;
  const int on = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ++accepted_;
  connections_.push_back({std::move(fd), server_.Connect()});
}

void ServerListener::Read(Connection& connection) {
  // A client that does not read is not polled for POLLIN, but its hang-up is still reported.
  const ssize_t size = recv(connection.fd.get(), buffer_.data(), buffer_.size(), 0);
  if (size > 0) {
    Receive(server_, connection.id, {buffer_.data(), static_cast<size_t>(size)});
  } else if (size == 0 || !IsTransient(errno)) {
    connection.gone = true;
  }
}

void ServerListener::Write(Connection& connection) {
  std::string& output = server_.Output(connection.id);
  if (!output.empty() && !connection.gone) {
    const ssize_t sent = send(connection.fd.get(), output.data(), output.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      output.erase(0, static_cast<size_t>(sent));
    } else if (sent < 0 && !IsTransient(errno)) {
      connection.gone = true;
    }
  }
  if (output.size() > kMostWaiting) connection.gone = true;
  if (output.empty() && !server_.IsOpen(connection.id)) connection.gone = true;
}

void ServerListener::Tick() {
  if (time_ != Time::kReal) return;
  // If the system clock is set back, the core's clock stands still until the system's has caught
  // up.
  const auto now = static_cast<int64_t>(server_.now_ms());
  const int64_t system = SystemMs();
  if (system > now) server_.Advance(static_cast<uint64_t>(system - now));
}

}  // namespace resprobe::live
