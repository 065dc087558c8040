#include "live/net/resp3_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "live/net/socket.h"

namespace resprobe::live {

namespace {

// The interval at which a wait polls `stop`.
constexpr int kLookMs = 100;

}  // namespace

void Resp3Client::LimitWaiting(int ms, std::function<bool()> stop) {
  limit_ms_ = ms;
  stop_ = std::move(stop);
}

bool Resp3Client::Open(std::string_view setup, size_t replies, std::string* error) {
  Close();
  silent_ = false;
  fd_ = connect_(error);
  if (!fd_.valid()) return false;
  if (limit_ms_ > 0) {
    const timeval limit = {.tv_sec = limit_ms_ / 1000, .tv_usec = limit_ms_ % 1000 * 1000};
    setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  }
  if (!Send(std::string("HELLO 3\r\n") + std::string(setup)) || !Await(replies + 1)) {
    *error = silent_ ? "the server does not answer a handshake"
                     : "the server closed the connection during its handshake";
    return false;
  }
  for (const resp::Reply& reply : replies_) {
    if (!reply.root().is_error()) continue;
    *error = "the server refuses the handshake: " + std::string(reply.root().text());
    Close();
    return false;
  }
  bool is_id = false;
  for (const resp::ReplyView child : replies_[0].root()) {
    if (is_id) client_id_ = child.integer();
    is_id = child.type() == resp::Type::kBulkString && child.text() == "id";
  }
  return true;
}

void Resp3Client::Close() {
  fd_.Reset();
  client_id_ = 0;
  bytes_.clear();
  parser_.Reset();
}

bool Resp3Client::Send(std::string_view requests) {
  if (!is_open()) return false;
  if (SendAll(fd_.get(), requests)) return true;
  silent_ = limit_ms_ > 0 && errno == EAGAIN;
  // Unread data could be pushes, but they no longer matter.
  Close();
  return false;
}

bool Resp3Client::Await(size_t replies) {
  replies_.resize(replies);
  got_ = 0;
  while (is_open()) {
    if (!Parse(replies)) break;
    if (got_ == replies) return true;
    if (!Receive(true)) break;
  }
  Close();
  return false;
}

bool Resp3Client::TakePushes() {
  if (!is_open()) return false;
  got_ = 0;
  if (Receive(false) && Parse(0)) return true;
  Close();
  return false;
}

// Reads bytes; without `wait` there may be none. False if the connection is lost.
bool Resp3Client::Receive(bool wait) {
  if (wait && limit_ms_ > 0 && !AwaitBytes()) return false;
  constexpr size_t kRoom = 64 << 10;
  bytes_.resize(kRoom);
  ssize_t size;
  do {
    size = recv(fd_.get(), bytes_.data(), kRoom, wait ? 0 : MSG_DONTWAIT);
  } while (size < 0 && errno == EINTR);
  const bool nothing = size < 0 && !wait && (errno == EAGAIN || errno == EWOULDBLOCK);
  bytes_.resize(size > 0 ? static_cast<size_t>(size) : 0);
  return size > 0 || nothing;
}

bool Resp3Client::AwaitBytes() {
  for (int left = limit_ms_; left > 0; left -= kLookMs) {
    if (stop_()) return false;
    pollfd polled = {fd_.get(), POLLIN, 0};
    if (poll(&polled, 1, std::min(left, kLookMs)) > 0) return true;
  }
  silent_ = true;
  return false;
}

// Parses all bytes received. False if they are malformed, or contain more replies than were
// requested.
bool Resp3Client::Parse(size_t wanted) {
  std::string_view rest = bytes_;
  while (!rest.empty()) {
    const resp::ReplyParser::Result result = parser_.Parse(rest);
    if (result.status == resp::ReplyParser::Status::kError) return false;
    rest.remove_prefix(result.consumed);
    if (result.status == resp::ReplyParser::Status::kNeedMore) break;
    if (parser_.reply().root().type() == resp::Type::kPush) {
      on_push_(parser_.reply().root());
    } else if (got_ == wanted) {
      return false;
    } else {
      parser_.Take(&replies_[got_++]);
    }
  }
  bytes_.clear();
  return true;
}

}  // namespace resprobe::live
