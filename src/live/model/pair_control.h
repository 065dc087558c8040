#ifndef RESPROBE_LIVE_MODEL_PAIR_CONTROL_H_
#define RESPROBE_LIVE_MODEL_PAIR_CONTROL_H_

#include <cstddef>
#include <optional>
#include <string_view>

#include "core/resp/reply.h"
#include "core/resp/reply_parser.h"
#include "live/model/pair_verdict.h"
#include "live/net/resp_connection.h"
#include "live/net/unique_fd.h"
#include "live/server/live_server.h"

namespace resprobe::live {

// A connection to the live server that belongs to no client of the case.
class PairControl {
 public:
  // Both must outlive the connection.
  PairControl(LiveServer* target, PairVerdict* verdict) : target_(target), verdict_(verdict) {}

  // Begins on a new connection; `tracked_keys`: tracking-table-max-keys of the server.
  void Use(UniqueFd fd, size_t tracked_keys);
  // Sends an inline command; the reply is good until the next one. Nothing, and a verdict, if the
  // server is gone.
  std::optional<resp::ReplyView> Ask(std::string_view line);
  // Sets tracking-table-max-keys, if the server has another.
  void SetTrackedKeys(size_t limit);
  // Waits until the server has written all that was due to what it had been sent before. False,
  // with a verdict, if it does not answer.
  //
  // Its event loop takes what is readable in an order of its own: the first PING may come before
  // the request at hand, the second one comes after it. Between any two requests a full tracking
  // table gives up keys (`small_table`); replies of one turn of the loop go out in an order of its
  // own, too, so that one PING more is needed to know that they are out.
  bool Fence(bool small_table);

 private:
  LiveServer* target_;
  PairVerdict* verdict_;
  RespConnection link_;
  resp::ReplyParser parser_;
  size_t tracked_keys_ = 0;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_MODEL_PAIR_CONTROL_H_
