#ifndef RESPROBE_LIVE_INTERVIEWER_H_
#define RESPROBE_LIVE_INTERVIEWER_H_

#include <optional>
#include <string>
#include <string_view>

#include "core/resp/reply.h"
#include "core/resp/reply_parser.h"
#include "live/unique_fd.h"

namespace resprobe::live {

// Asks a server about itself, one request after the other on a connection of its own.
class Interviewer {
 public:
  explicit Interviewer(UniqueFd fd);

  // The reply to an inline request; nothing if none comes within ten seconds, or no RESP. Valid
  // until the next call.
  std::optional<resp::ReplyView> Ask(std::string_view inline_request);

 private:
  UniqueFd fd_;
  std::string bytes_;
  size_t used_ = 0;
  resp::ReplyParser parser_;
  resp::Reply reply_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_INTERVIEWER_H_
