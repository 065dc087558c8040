#ifndef RESPROBE_LIVE_NET_RESP_PROBE_H_
#define RESPROBE_LIVE_NET_RESP_PROBE_H_

#include <functional>
#include <optional>
#include <string_view>

#include "core/resp/reply.h"
#include "core/resp/reply_parser.h"
#include "live/net/resp_connection.h"
#include "live/net/unique_fd.h"

namespace resprobe::live {

// Asks a server about itself, one request after the other on a connection of its own.
class RespProbe {
 public:
  // An answer is waited for up to `hang_ms`; once `stop` is true, no longer.
  RespProbe(UniqueFd fd, int hang_ms, std::function<bool()> stop);

  // The reply to an inline request; nothing if none comes in time, or no RESP; then none to
  // later ones either. Valid until the next call.
  std::optional<resp::ReplyView> Ask(std::string_view inline_request);
  // There was no answer, though the connection is open.
  bool silent() const { return silent_; }

 private:
  RespConnection link_;
  int hang_ms_;
  bool silent_ = false;
  resp::ReplyParser parser_;
  resp::Reply reply_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_NET_RESP_PROBE_H_
