#include "live/oracle_link.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <thread>
#include <utility>

#include "live/socket.h"

namespace resprobe::live {
namespace {

// How often to look for a reply before going to sleep: to be woken takes longer than most replies
// do. With one core the server needs it.
int Looks() {
  static const int looks = std::thread::hardware_concurrency() > 1 ? 300 : 0;
  return looks;
}

}  // namespace

void OracleLink::Use(UniqueFd fd, int send_ms) {
  fd_ = std::move(fd);
  waits_ms_ = 0;
  if (connected()) SetTimeout(SO_SNDTIMEO, send_ms);
  out_.clear();
  in_.clear();
  taken_ = 0;
}

void OracleLink::SetTimeout(int option, int ms) {
  const timeval limit = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
  setsockopt(fd_.get(), SOL_SOCKET, option, &limit, sizeof(limit));
}

void OracleLink::Send() {
  if (!out_.empty()) SendAll(fd_.get(), out_);
  out_.clear();
}

OracleLink::Got OracleLink::Read(int ms) {
  if (!connected()) return Got::kClosed;
  constexpr size_t kRoom = 64 << 10;
  buffer_.resize(kRoom);
  // One call where poll() and recv() would be two or three.
  if (ms > 0 && ms != waits_ms_) {
    SetTimeout(SO_RCVTIMEO, ms);
    waits_ms_ = ms;
  }
  ssize_t got;
  int looks = ms > 0 ? Looks() : 0;
  do {
    got = recv(fd_.get(), buffer_.data(), kRoom, ms > 0 && looks <= 0 ? 0 : MSG_DONTWAIT);
  } while (got < 0 && (errno == EINTR || (errno == EAGAIN && looks-- > 0)));
  if (got > 0) {
    if (taken_ > kRoom) in_.erase(0, std::exchange(taken_, 0));
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
