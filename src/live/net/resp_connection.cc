#include "live/net/resp_connection.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "live/net/socket.h"

namespace resprobe::live {
namespace {

using Clock = std::chrono::steady_clock;

// The number of polls for a reply before sleeping: waking up takes longer than most replies do.
// With a single core the server needs it.
int Looks() {
  static const int looks = std::thread::hardware_concurrency() > 1 ? 300 : 0;
  return looks;
}

// The interval at which a wait polls `stop`. A signal alone does not suffice: it may arrive between
// the poll and the blocking call.
constexpr int kLookMs = 100;
// The most that is received at once, and that is kept of what was taken.
constexpr size_t kRoom = 64 << 10;

}  // namespace

void RespConnection::Use(Link link, int send_ms, std::function<bool()> stop) {
  link_ = std::move(link);
  stop_ = std::move(stop);
  send_ms_ = send_ms;
  waits_ms_ = 0;
  if (link_.fd.valid()) SetTimeout(SO_SNDTIMEO, std::min(send_ms, kLookMs));
  out_.clear();
  in_.clear();
  taken_ = 0;
}

void RespConnection::SetTimeout(int option, int ms) {
  const timeval limit = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
  setsockopt(link_.fd.get(), SOL_SOCKET, option, &limit, sizeof(limit));
}

void RespConnection::Send() {
  if (link_.channel != nullptr) {
    link_.channel->Send(out_, send_ms_);
    return out_.clear();
  }
  std::string_view rest = out_;
  for (int left = send_ms_; !rest.empty() && left > 0;) {
    const ssize_t sent = send(link_.fd.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      rest.remove_prefix(static_cast<size_t>(sent));
      left = send_ms_;
    } else if ((errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) || stop_()) {
      break;
    } else if (errno != EINTR) {
      left -= kLookMs;
    }
  }
  out_.clear();
}

RespConnection::Got RespConnection::Read(int ms) {
  if (!connected()) return Got::kClosed;
  // A server that never stops sending never lets it wait.
  if (stop_()) return Got::kNothing;
  if (link_.channel != nullptr) {
    if (taken_ > kRoom) in_.erase(0, std::exchange(taken_, 0));
    return link_.channel->Read(ms, &in_);
  }
  return Receive(ms);
}

RespConnection::Got RespConnection::Receive(int ms) {
  buffer_.resize(kRoom);
  int looks = ms > 0 ? Looks() : 0;
  bool waited = false;
  for (;;) {
    // One call instead of poll() and recv().
    if (const int wait = std::min(ms, kLookMs); wait > 0 && wait != waits_ms_) {
      SetTimeout(SO_RCVTIMEO, wait);
      waits_ms_ = wait;
    }
    const bool sleeps = ms > 0 && looks <= 0;
    const ssize_t got = recv(link_.fd.get(), buffer_.data(), kRoom, sleeps ? 0 : MSG_DONTWAIT);
    if (got > 0) {
      if (taken_ > kRoom) in_.erase(0, std::exchange(taken_, 0));
      in_.append(buffer_.data(), static_cast<size_t>(got));
      return Got::kBytes;
    }
    if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
      return Got::kClosed;
    }
    // A server without TCP_NODELAY sends a second reply only when the first one is acknowledged,
    // which the system here would put off for 40 ms.
    if (!std::exchange(waited, true)) AcknowledgeNow(link_.fd.get());
    if (errno != EINTR && looks-- > 0) continue;
    if (errno != EINTR) ms -= kLookMs;
    if (ms <= 0 || stop_()) return Got::kNothing;
  }
}

bool RespConnection::Close(int ms) {
  bool seen = true;
  if (connected()) {
    if (link_.channel != nullptr) {
      link_.channel->Shut();
    } else {
      shutdown(link_.fd.get(), SHUT_WR);
    }
    const auto end = Clock::now() + std::chrono::milliseconds(ms);
    Got got = Got::kBytes;
    while (got == Got::kBytes && Clock::now() < end) {
      got = Read(ms);
      Take(in().size());
    }
    seen = got == Got::kClosed;
  }
  Drop();
  return seen;
}

void RespConnection::Take(size_t bytes) {
  taken_ += bytes;
  if (taken_ < in_.size()) return;
  in_.clear();
  taken_ = 0;
}

}  // namespace resprobe::live
