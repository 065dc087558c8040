#ifndef RESPROBE_WORLDS_RESP_RESP_READING_H_
#define RESPROBE_WORLDS_RESP_RESP_READING_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/reply.h"
#include "core/resp/reply_parser.h"
#include "core/resp/request_parser.h"

namespace resprobe {

// A second reading of RESP, by the specification and by what the parsers' headers promise: from
// front to back over bytes that are all there, one function for each production, everything copied.
// It shares no code with the parsers. Slow.

// One value of a reply, or one attribute.
struct RespReadNode {
  resp::Type type = resp::Type::kNull;
  bool streamed = false;
  resp::NullKind null = resp::NullKind::kNotNull;
  std::string text = {};    // of a verbatim string without its format
  std::string format = {};  // of a verbatim string
  int64_t integer = 0;      // also of a boolean
  double real = 0;
  uint64_t children = 0;  // without attributes; a map of n pairs has 2n
};

// A stream of replies.
struct RepliesReading {
  struct Value {
    std::vector<RespReadNode> nodes;  // in preorder, attributes before what they annotate
    uint64_t end = 0;
  };
  std::vector<Value> values;
  resp::ParseErrorCode code = resp::ParseErrorCode::kNone;
  // Of the error; without one, the start of the line or bulk that is not complete, or of the next
  // value.
  uint64_t offset = 0;
  bool idle = true;  // nothing of a value comes after the last one
};

// Limits of memory are not followed: a reading goes on where a parser says kTooMuchMemory.
RepliesReading ReadReplies(std::string_view bytes, const resp::ReplyLimits& limits);

// True if a value is that of the reading.
bool IsReadAs(const resp::Reply& reply, const RepliesReading::Value& value);
// True if two values are Equal() by what the reading says of them.
bool SameValue(const RepliesReading::Value& a, const RepliesReading::Value& b);

// A stream of requests.
struct RequestsReading {
  struct Request {
    std::vector<std::string> args;
    uint64_t end = 0;
    uint32_t skipped = 0;  // requests without arguments before it
  };
  std::vector<Request> requests;
  uint32_t skipped = 0;  // after the last one
  bool failed = false;
  std::string error;    // its text
  uint64_t offset = 0;  // of the error
};

RequestsReading ReadRequests(std::string_view bytes, const resp::RequestLimits& limits,
                             bool authenticated);

// Readable, for reports.
std::string ToText(const RepliesReading& reading);
std::string ToText(const RequestsReading& reading);

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_RESP_RESP_READING_H_
