#ifndef RESPROBE_WORLDS_IO_CHAOS_ARRIVED_VALUES_H_
#define RESPROBE_WORLDS_IO_CHAOS_ARRIVED_VALUES_H_

#include <cstddef>
#include <string_view>

#include "core/resp/reply_parser.h"
#include "sim/sim_posix.h"

namespace resprobe {

// Parses what has arrived on a socket, value by value, independently of the client that reads it.
class ArrivedValues {
 public:
  using Status = resp::ReplyParser::Status;

  // Starts again at the first byte that is stored (SimPosix::Socket::arrived).
  void Restart() {
    parser_.Reset();
    parsed_ = 0;
  }

  // Parses up to the end of the next value, kValue, in the first `end` bytes that are stored.
  // kNeedMore: they end before it does.
  Status Next(const SimPosix::Socket& socket, size_t end) {
    if (parsed_ >= end) return Status::kNeedMore;
    const resp::ReplyParser::Result result =
        parser_.Parse(std::string_view(socket.arrived).substr(parsed_, end - parsed_));
    parsed_ += result.consumed;
    return result.status;
  }

  // The last value; and what is wrong, after kError.
  const resp::Reply& value() const { return parser_.reply(); }
  resp::ParseErrorCode error() const { return parser_.error().code; }
  // The number of bytes that were parsed, from the first that is stored.
  size_t parsed() const { return parsed_; }

  // The first bytes, which are whole values, are not stored any more.
  void Forget(size_t bytes) {
    if (parsed_ < bytes) return Restart();
    parsed_ -= bytes;
  }

 private:
  resp::ReplyParser parser_;
  size_t parsed_ = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_ARRIVED_VALUES_H_
