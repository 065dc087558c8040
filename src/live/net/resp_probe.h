#ifndef RESPROBE_LIVE_NET_RESP_PROBE_H_
#define RESPROBE_LIVE_NET_RESP_PROBE_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/resp/reply.h"
#include "core/resp/reply_parser.h"
#include "live/net/resp_connection.h"

namespace resprobe::live {

// Queries a server about itself, with one request at a time on its own connection.
class RespProbe {
 public:
  // Not valid(), with one line in `error`, if there is no connection.
  using Connect = std::function<Link(std::string* error)>;

  // Why there is no reply.
  enum class Lack {
    kNone,          // there is one
    kNoConnection,  // the server accepts none: error()
    kSilent,        // nothing arrives in time, or `stop` has ended the wait
    kClosed,        // the server closes the connection
    kNoResp,        // what arrives is no RESP
    kTooLong,       // it has over 16 MB, or does not end in time
  };

  // What has arrived besides the reply. Pushes are counted, and nothing else.
  enum class More {
    kNothing,
    kAfter,   // bytes behind the reply to the last request
    kBefore,  // bytes before the last request was sent, so behind an earlier reply
  };

  // Waits up to `hang_ms` for a reply; not at all once `stop` returns true.
  RespProbe(Link link, int hang_ms, std::function<bool()> stop);
  // The same with connections of its own: makes a new one after each request without a reply. A
  // request is repeated once if the server closes the connection after its reply to an earlier one.
  RespProbe(Connect connect, int hang_ms, std::function<bool()> stop);

  // The reply to a request, given as words with single spaces between them; nullopt if there is
  // none, see lack(), and with a single connection for all later requests too. Valid until the next
  // call.
  std::optional<resp::ReplyView> Ask(std::string_view request);
  std::optional<resp::ReplyView> Ask(std::span<const std::string> words);
  // About the last request.
  Lack lack() const { return lack_; }
  bool silent() const { return lack_ == Lack::kSilent; }
  const std::string& error() const { return error_; }
  // About the last request: after it, or before it, the next one gets a new connection, if it can.
  More more() const { return more_; }
  // Waits up to `ms` for bytes behind the last reply; true if there are some.
  bool MoreArrives(int ms);
  // How many pushes have arrived.
  size_t pushes() const { return pushes_; }
  // How often the server has closed the connection after a reply.
  size_t lost() const { return lost_; }
  // The next request gets a new connection.
  void Disconnect();

 private:
  std::optional<resp::ReplyView> AskOnce(std::span<const std::string> words);
  // Takes the pushes that have arrived; true if there are other bytes.
  bool HasMore();

  Connect connect_;
  RespConnection link_;
  int hang_ms_;
  std::function<bool()> stop_;
  Lack lack_ = Lack::kNone;
  bool answered_ = false;  // on this connection
  size_t lost_ = 0;
  More more_ = More::kNothing;
  size_t pushes_ = 0;
  std::string error_;
  resp::ReplyParser parser_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_NET_RESP_PROBE_H_
