#ifndef RESPROBE_LIVE_RECORD_STREAM_CUTTER_H_
#define RESPROBE_LIVE_RECORD_STREAM_CUTTER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/resp/reply.h"
#include "core/resp/reply_parser.h"
#include "core/resp/request_parser.h"

namespace resprobe::live {

// Splits one direction of a connection into pieces that end at the end of a message.
//
// A piece has as many complete messages as fit into `max_bytes`. Of a longer message, the first
// `max_bytes` are a piece of their own. After malformed bytes, the current piece is filled up and
// is the last. `Parser` is one of the core's, wrapped by the classes below.
template <class Parser>
class StreamCutter {
 public:
  using Emit = std::function<void(std::string_view piece)>;

  StreamCutter(size_t max_bytes, Emit emit) : max_bytes_(max_bytes), emit_(std::move(emit)) {}

  // `on_message` is called after each message; it may use parser().
  template <class OnMessage>
  void Feed(std::string_view bytes, OnMessage on_message) {
    while (!bytes.empty() && !refused_) {
      size_t consumed = 0;
      const typename Parser::Outcome outcome = parser_.Parse(bytes, &consumed);
      if (outcome == Parser::Outcome::kError) {
        refused_ = true;
        Keep(bytes.substr(0, max_bytes_));
        EndMessage();
        Finish();
        break;
      }
      Keep(bytes.substr(0, consumed));
      bytes.remove_prefix(consumed);
      if (outcome == Parser::Outcome::kMessage) {
        EndMessage();
        on_message();
      }
    }
    if (refused_) unread_ += bytes.size();
  }

  // Ends the stream: the rest becomes the last piece.
  void Finish() {
    EndMessage();
    if (!piece_.empty()) emit_(piece_);
    piece_.clear();
    whole_ = 0;
  }

  const Parser& parser() const { return parser_; }
  // True once the stream has contained malformed data.
  bool refused() const { return refused_; }
  // The number of bytes since then.
  uint64_t unread() const { return unread_; }

 private:
  // One byte more than fits into a piece suffices to know that the message does not fit.
  void Keep(std::string_view bytes) {
    const size_t room = whole_ + max_bytes_ + 1 - piece_.size();
    piece_.append(bytes.substr(0, room));
  }

  void EndMessage() {
    const size_t size = piece_.size() - whole_;
    if (piece_.size() > max_bytes_) {
      if (whole_ > 0) emit_(std::string_view(piece_).substr(0, whole_));
      piece_.erase(0, whole_);
      if (size > max_bytes_) {
        emit_(std::string_view(piece_).substr(0, max_bytes_));
        piece_.clear();
      }
    }
    whole_ = piece_.size();
  }

  size_t max_bytes_;
  Emit emit_;
  Parser parser_;
  std::string piece_;  // complete messages, then the beginning of the next
  size_t whole_ = 0;   // the size of the complete messages
  bool refused_ = false;
  uint64_t unread_ = 0;
};

class ReplyMessages {
 public:
  enum class Outcome : uint8_t { kMessage, kNeedMore, kError };

  Outcome Parse(std::string_view bytes, size_t* consumed) {
    const resp::ReplyParser::Result result = parser_.Parse(bytes);
    *consumed = result.consumed;
    return result.status == resp::ReplyParser::Status::kValue      ? Outcome::kMessage
           : result.status == resp::ReplyParser::Status::kNeedMore ? Outcome::kNeedMore
                                                                   : Outcome::kError;
  }
  const resp::Reply& reply() const { return parser_.reply(); }
  std::string error() const {
    return parser_.error().message() + " at byte " + std::to_string(parser_.error().offset);
  }

 private:
  resp::ReplyParser parser_;
};

class RequestMessages {
 public:
  enum class Outcome : uint8_t { kMessage, kNeedMore, kError };

  Outcome Parse(std::string_view bytes, size_t* consumed) {
    const resp::RequestParser::Result result = parser_.Parse(bytes);
    *consumed = result.consumed;
    return result.status == resp::RequestParser::Status::kRequest    ? Outcome::kMessage
           : result.status == resp::RequestParser::Status::kNeedMore ? Outcome::kNeedMore
                                                                     : Outcome::kError;
  }
  std::span<const std::string_view> args() const { return parser_.args(); }

 private:
  resp::RequestParser parser_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_RECORD_STREAM_CUTTER_H_
