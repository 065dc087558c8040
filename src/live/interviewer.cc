#include "live/interviewer.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <utility>

#include "live/socket.h"

namespace resprobe::live {
namespace {

constexpr timeval kAnswerWithin = {.tv_sec = 10, .tv_usec = 0};

}  // namespace

Interviewer::Interviewer(UniqueFd fd) : fd_(std::move(fd)) {
  setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &kAnswerWithin, sizeof(kAnswerWithin));
}

std::optional<resp::ReplyView> Interviewer::Ask(std::string_view inline_request) {
  if (!SendAll(fd_.get(), std::string(inline_request) + "\r\n")) return std::nullopt;
  for (;;) {
    const auto result = parser_.Parse(std::string_view(bytes_).substr(used_), &reply_);
    used_ += result.consumed;
    if (result.status == resp::ReplyParser::Status::kError) return std::nullopt;
    if (result.status == resp::ReplyParser::Status::kValue) return reply_.root();
    bytes_.resize(64 << 10);
    used_ = 0;
    ssize_t size;
    do {
      size = recv(fd_.get(), bytes_.data(), bytes_.size(), 0);
    } while (size < 0 && errno == EINTR);
    if (size <= 0) return std::nullopt;
    bytes_.resize(static_cast<size_t>(size));
  }
}

}  // namespace resprobe::live
