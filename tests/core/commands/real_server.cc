#include "tests/core/commands/real_server.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "core/resp/reply_parser.h"

namespace resprobe {
namespace {

constexpr int kAnswerMs = 10'000;      // time limit for a reply that must come
constexpr size_t kMaxAsked = 100'000;  // the maximum number of polls until a connection has ended
// No active expiry cycle: an expired key is deleted when it is looked up, not at some later time.
constexpr std::string_view kForget = "FLUSHALL\r\nDEBUG SET-ACTIVE-EXPIRE 0\r\nQUIT\r\n";
constexpr int kControl = -1;  // the control connection, which no recording uses

std::string Errno(const char* what) { return std::string(what) + ": " + std::strerror(errno); }

int ConnectTo(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return fd;
  close(fd);
  return -1;
}

}  // namespace

RealServer::~RealServer() {
  while (!sockets_.empty()) Close(sockets_.begin()->first);
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  if (!folder_.empty()) {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
}

bool RealServer::Start(const std::string& program, std::string* error) {
  char pattern[] = "/tmp/resprobe-test-XXXXXX";
  if (mkdtemp(pattern) == nullptr) {
    *error = Errno("mkdtemp");
    return false;
  }
  folder_ = pattern;
  const std::string path = socket_path();
  pid_ = fork();
  if (pid_ < 0) {
    *error = Errno("fork");
    return false;
  }
  if (pid_ == 0) {
    const std::string log = folder_ + "/log";
    execl(program.c_str(), program.c_str(), "--port", "0", "--unixsocket", path.c_str(), "--save",
          "", "--appendonly", "no", "--enable-debug-command", "yes", "--dir", folder_.c_str(),
          "--logfile", log.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  // The server is ready when it accepts a connection; there is no other event to wait for.
  for (int tries = 0; tries < kAnswerMs; ++tries) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      *error = program + " does not start";
      return false;
    }
    const int fd = ConnectTo(path);
    if (fd >= 0) {
      close(fd);
      return true;
    }
    poll(nullptr, 0, 1);
  }
  *error = program + " does not accept connections";
  return false;
}

int RealServer::Socket(int connection, std::string* error) {
  const auto found = sockets_.find(connection);
  if (found != sockets_.end()) return found->second;
  const int fd = ConnectTo(socket_path());
  if (fd < 0) {
    *error = Errno("connect");
  } else {
    sockets_[connection] = fd;
  }
  return fd;
}

bool RealServer::Fresh(std::string* error) {
  while (!sockets_.empty()) Close(sockets_.begin()->first);
  if (!AwaitClosed(error) || !Send(kControl, kForget, error)) return false;
  const Received received = Drain(kControl, kAnswerMs);
  if (received.bytes == "+OK\r\n+OK\r\n+OK\r\n" && received.closed) return true;
  *error = "FLUSHALL answered " + EscapeBytes(received.bytes);
  return false;
}

bool RealServer::AwaitClosed(std::string* error) {
  const std::string clients = "connected_clients:" + std::to_string(sockets_.size() + 1) + "\r\n";
  std::string info;
  for (size_t tries = 0; tries < kMaxAsked; ++tries) {
    if (!Send(kControl, "INFO clients\r\n", error)) return false;
    info.clear();
    // The last line of the section, and the end of the bulk.
    while (!info.ends_with("\r\n\r\n")) {
      const Received received = Receive(kControl, 1, kAnswerMs);
      if (received.bytes.empty()) {
        *error = "no answer to INFO clients";
        return false;
      }
      info += received.bytes;
    }
    if (info.find(clients) == info.npos) continue;
    if (!Send(kControl, "QUIT\r\n", error)) return false;
    Drain(kControl, kAnswerMs);
    return true;
  }
  *error = "the server keeps a closed connection: " + info;
  return false;
}

bool RealServer::Settle(std::string* error) {
  // The server sends replies after it has run all input that has arrived by then.
  if (!Send(kControl, "QUIT\r\n", error)) return false;
  if (Drain(kControl, kAnswerMs).closed) return true;
  *error = "no answer to QUIT";
  return false;
}

bool RealServer::Send(int connection, std::string_view bytes, std::string* error) {
  const int fd = Socket(connection, error);
  if (fd < 0) return false;
  while (!bytes.empty()) {
    const ssize_t n = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0) {
      // The server has closed the connection; the `closed` line checks that.
      if (errno == EPIPE || errno == ECONNRESET) return true;
      *error = Errno("send");
      return false;
    }
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

RealServer::Received RealServer::Receive(int connection, size_t want, int patience_ms) {
  Received received;
  std::string ignored;
  const int fd = Socket(connection, &ignored);
  if (fd < 0) return received;
  while (received.bytes.size() < want) {
    pollfd poll_fd = {fd, POLLIN, 0};
    if (poll(&poll_fd, 1, patience_ms) <= 0) break;
    char buffer[65536];
    const ssize_t n = recv(fd, buffer, std::min(sizeof(buffer), want - received.bytes.size()), 0);
    if (n <= 0) {
      received.closed = true;
      Close(connection);
      break;
    }
    received.bytes.append(buffer, static_cast<size_t>(n));
  }
  return received;
}

RealServer::Received RealServer::Drain(int connection, int quiet_ms) {
  return Receive(connection, SIZE_MAX, quiet_ms);
}

void RealServer::Close(int connection) {
  const auto found = sockets_.find(connection);
  if (found == sockets_.end()) return;
  close(found->second);
  sockets_.erase(found);
}

uint64_t RealServer::Id(int connection, std::string* error) {
  if (!Send(connection, "CLIENT ID\r\n", error)) return 0;
  std::string reply;
  while (!reply.ends_with('\n')) {
    const std::string byte = Receive(connection, 1, kAnswerMs).bytes;
    if (byte.empty()) break;
    reply += byte;
  }
  const uint64_t id = reply[0] == ':' ? std::strtoull(reply.c_str() + 1, nullptr, 10) : 0;
  if (id == 0) *error = "CLIENT ID answered " + EscapeBytes(reply);
  return id;
}

bool RealServer::Do(const RecordedStep& step, std::string* error) {
  switch (step.kind) {
    case RecordedStep::Kind::kRequest:
    case RecordedStep::Kind::kRaw:
      return Send(step.connection, step.bytes, error);
    case RecordedStep::Kind::kProtocol: {
      if (!Send(step.connection, "HELLO " + std::to_string(step.number) + "\r\n", error)) {
        return false;
      }
      resp::ReplyParser parser;
      while (true) {
        const Received received = Receive(step.connection, 1, kAnswerMs);
        if (received.bytes.empty()) break;
        if (parser.Parse(received.bytes).status == resp::ReplyParser::Status::kValue) {
          return true;
        }
      }
      *error = "no answer to HELLO";
      return false;
    }
    case RecordedStep::Kind::kId:
      return true;
    case RecordedStep::Kind::kAdvance:
      poll(nullptr, 0, static_cast<int>(step.number));
      return true;
    case RecordedStep::Kind::kClose:
      Close(step.connection);
      return AwaitClosed(error);
  }
  return false;
}

}  // namespace resprobe
