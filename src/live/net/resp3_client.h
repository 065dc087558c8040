#ifndef RESPROBE_LIVE_NET_RESP3_CLIENT_H_
#define RESPROBE_LIVE_NET_RESP3_CLIENT_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/reply.h"
#include "core/resp/reply_parser.h"
#include "live/net/unique_fd.h"

namespace resprobe::live {

// A blocking RESP3 connection to a server, one batch of requests at a time. Pushes go to a handler
// as they are parsed, so before a reply that came in the same bytes is handed over: what a client
// with a push callback does.
class Resp3Client {
 public:
  using Connector = std::function<UniqueFd(std::string* error)>;
  using PushHandler = std::function<void(const resp::ReplyView&)>;

  Resp3Client(Connector connect, PushHandler on_push)
      : connect_(std::move(connect)), on_push_(std::move(on_push)) {}

  // How long a reply is waited for, for ever unless this is called; `stop` is asked meanwhile, and
  // true ends the waiting. Either way the connection is then lost.
  void LimitWaiting(int ms, std::function<bool()> stop);
  // Whether it was lost because the server said nothing for so long.
  bool silent() const { return silent_; }

  // Connects and says HELLO 3, then `setup` (whole requests, `replies` of them), none of which may
  // be refused. False with one line in `error`; then it is closed.
  bool Open(std::string_view setup, size_t replies, std::string* error);
  void Close();
  bool is_open() const { return fd_.valid(); }
  int fd() const { return fd_.get(); }
  // The connection's id at the server, 0 while it is closed.
  int64_t client_id() const { return client_id_; }

  // The two halves of a batch. False if the connection is lost, and then closed.
  bool Send(std::string_view requests);
  // Takes what has come until there are so many replies, which are valid until the next call.
  bool Await(size_t replies);
  const std::vector<resp::Reply>& replies() const { return replies_; }
  // Takes the pushes that have come, without waiting. False if the connection is lost.
  bool TakePushes();

 private:
  bool Receive(bool wait);
  bool AwaitBytes();
  bool Parse(size_t wanted);

  Connector connect_;
  PushHandler on_push_;
  int limit_ms_ = 0;  // 0: none
  std::function<bool()> stop_;
  bool silent_ = false;
  UniqueFd fd_;
  int64_t client_id_ = 0;
  std::string bytes_;
  resp::ReplyParser parser_;
  resp::Reply next_;
  std::vector<resp::Reply> replies_;
  size_t got_ = 0;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_NET_RESP3_CLIENT_H_
