#ifndef RESPROBE_LIVE_NET_RESP_PROBE_H_
#define RESPROBE_LIVE_NET_RESP_PROBE_H_

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/resp/reply.h"
#include "core/resp/reply_parser.h"
#include "live/net/resp_connection.h"
#include "live/net/unique_fd.h"

namespace resprobe::live {

// Queries a server about itself, with one request at a time on its own connection.
class RespProbe {
 public:
  // Waits up to `hang_ms` for a reply; not at all once `stop` returns true.
  RespProbe(UniqueFd fd, int hang_ms, std::function<bool()> stop);

  // The reply to a request, given as words with single spaces between them; nullopt if none
  // arrives in time, it is not RESP, or it has more than 16 MB, and then for all later requests
  // too. Valid until the next call.
  std::optional<resp::ReplyView> Ask(std::string_view request);
  std::optional<resp::ReplyView> Ask(std::span<const std::string> words);
  // False once a reply is missing.
  bool connected() const { return link_.connected(); }
  // True if a reply did not arrive although the connection was open.
  bool silent() const { return silent_; }

 private:
  RespConnection link_;
  int hang_ms_;
  bool silent_ = false;
  resp::ReplyParser parser_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_NET_RESP_PROBE_H_
