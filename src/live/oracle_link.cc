#include "live/oracle_link.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <utility>

#include "live/socket.h"

namespace resprobe::live {

void OracleLink::Use(UniqueFd fd, int send_ms) {
  fd_ = std::move(fd);
  if (connected()) {
    const timeval limit = {.tv_sec = send_ms / 1000, .tv_usec = send_ms % 1000 * 1000};
    setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  }
  out_.clear();
  in_.clear();
  taken_ = 0;
}

void OracleLink::Send() {
  if (!out_.empty()) SendAll(fd_.get(), out_);
  out_.clear();
}

OracleLink::Got OracleLink::Read(int ms) {
  if (!connected()) return Got::kClosed;
  constexpr size_t kRoom = 64 << 10;
  buffer_.resize(kRoom);
  ssize_t got;
  for (bool waited = false;;) {
    got = recv(fd_.get(), buffer_.data(), kRoom, MSG_DONTWAIT);
    if (got >= 0 || (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK)) break;
    if (errno == EINTR) continue;
    if (waited) break;
    pollfd polled = {fd_.get(), POLLIN, 0};
    waited = poll(&polled, 1, ms) == 0 || polled.revents != 0;
  }
  if (got > 0) {
    in_.append(buffer_.data(), static_cast<size_t>(got));
    return Got::kBytes;
  }
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Got::kNothing;
  return Got::kClosed;
}

bool OracleLink::Close(int ms) {
  bool seen = true;
  if (connected()) {
    shutdown(fd_.get(), SHUT_WR);
    Got got;
    while ((got = Read(ms)) == Got::kBytes) Take(in().size());
    seen = got == Got::kClosed;
  }
  Use(UniqueFd());
  return seen;
}

void OracleLink::Take(size_t bytes) {
  taken_ += bytes;
  if (taken_ < in_.size()) return;
  in_.clear();
  taken_ = 0;
}

}  // namespace resprobe::live
