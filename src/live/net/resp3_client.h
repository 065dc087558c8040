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
// as they are parsed, so before a reply from the same bytes is returned, as in a client with a push
// callback.
class Resp3Client {
 public:
  using Connector = std::function<UniqueFd(std::string* error)>;
  using PushHandler = std::function<void(const resp::ReplyView&)>;

  Resp3Client(Connector connect, PushHandler on_push)
      : connect_(std::move(connect)), on_push_(std::move(on_push)) {}

  // Limits the wait for a reply, which is unlimited by default. `stop` is polled meanwhile, and
  // true ends the wait. In both cases the connection is then closed.
  void LimitWaiting(int ms, std::function<bool()> stop);
  // True if the connection was closed because the server sent nothing within the limit.
  bool silent() const { return silent_; }

  // Connects and sends HELLO 3, then `setup` (complete requests, with `replies` replies). All must
  // succeed. On failure returns false with one line in `error`, and closes.
  bool Open(std::string_view setup, size_t replies, std::string* error);
  void Close();
  bool is_open() const { return fd_.valid(); }
  int fd() const { return fd_.get(); }
  // The server's id of the connection, 0 while it is closed.
  int64_t client_id() const { return client_id_; }

  // Sends a batch, and receives its replies. False if the connection is lost; then it is closed.
  bool Send(std::string_view requests);
  // Reads until `replies` replies have arrived. They are valid until the next call.
  bool Await(size_t replies);
  const std::vector<resp::Reply>& replies() const { return replies_; }
  // Reads the pushes that have arrived, without waiting. False if the connection is lost.
  bool TakePushes();

 private:
  bool Receive(bool wait);
  bool AwaitBytes();
  bool Parse(size_t wanted);

  Connector connect_;
  PushHandler on_push_;
  int limit_ms_ = 0;  // 0: no limit
  std::function<bool()> stop_;
  bool silent_ = false;
  UniqueFd fd_;
  int64_t client_id_ = 0;
  std::string bytes_;
  resp::ReplyParser parser_;
  std::vector<resp::Reply> replies_;
  size_t got_ = 0;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_NET_RESP3_CLIENT_H_
