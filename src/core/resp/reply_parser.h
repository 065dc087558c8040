#ifndef RESPROBE_CORE_RESP_REPLY_PARSER_H_
#define RESPROBE_CORE_RESP_REPLY_PARSER_H_

// An incremental parser for what a server sends: every type of RESP2 and RESP3, with streamed
// strings and aggregates, attributes and pushes.
//
// It follows the specification (redis.io/docs/reference/protocol-spec and the RESP3 document in
// github.com/redis/redis-specifications), strictly: lines end in CRLF, a bulk is followed by CRLF,
// lengths have no sign, no leading zero. Where hiredis does otherwise is listed in
// worlds/resp_differential.h.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/resp/reply.h"

namespace resprobe::resp {

// What the parser refuses. The defaults are those of real servers and of hiredis.
struct ReplyLimits {
  // Aggregates open at once. hiredis: 8 in 0.14, none from 1.0 to 1.4.0, 1024 since.
  uint32_t max_depth = 1024;
  // Children of one aggregate; a map of n pairs has 2n. hiredis: REDIS_READER_MAX_ARRAY_ELEMENTS.
  uint32_t max_elements = 0xffffffff;
  // Bytes of one string, error or big number. Servers: proto-max-bulk-len.
  uint32_t max_bulk = 512u << 20;
  // Bytes of one header or number line, with its type byte, without CRLF; at most 65535 count.
  // Servers: PROTO_INLINE_MAX_SIZE (64 KB).
  uint32_t max_line = 65535;
  // Bytes of one reply in memory (Reply::memory_used). Servers: client-query-buffer-limit.
  uint32_t max_memory = 1u << 30;
};

enum class ParseErrorCode : uint8_t {
  kNone,
  kUnknownType,      // a byte that starts no type (also `;` or `.` where none can stand)
  kBadLength,        // a length or count that is not one
  kBadInteger,       // not a number, or outside 64 bits
  kBadDouble,        // not a number, or outside double
  kBadBoolean,       // not #t or #f
  kBadNull,          // not _
  kBadBigNumber,     // no digits, or something else
  kBadVerbatim,      // no "xxx:" at its start
  kBadLineEnd,       // LF without CR, or CR without LF, in a line
  kBadBulkEnd,       // a bulk that is not followed by CRLF
  kBadChunk,         // in a streamed string: not `;`
  kBadStreamEnd,     // `.` after a map's key, after an attribute, or not a line of its own
  kNestedPush,       // a push inside another value
  kTooDeep,          // over max_depth
  kTooManyElements,  // over max_elements
  kBulkTooLong,      // over max_bulk
  kLineTooLong,      // over max_line
  kTooMuchMemory,    // over max_memory
};

struct ParseError {
  ParseErrorCode code = ParseErrorCode::kNone;
  // Of the byte that is wrong, from the first byte since the construction or the last Reset().
  uint64_t offset = 0;
  // The type of the value that is wrong, or the unknown byte.
  char subject = 0;

  // What was expected: "expected CRLF after the bulk string".
  std::string message() const;
};

class ReplyParser {
 public:
  enum class Status : uint8_t {
    kValue,     // *out holds a value; input[consumed, …) belongs to the next one
    kNeedMore,  // all of the input is consumed; continue with the bytes that follow
    kError,     // final until Reset(); see error()
  };
  struct Result {
    Status status;
    size_t consumed;  // bytes of the input that the caller may drop; 0 with kError
  };

  explicit ReplyParser(const ReplyLimits& limits = ReplyLimits());

  // Goes on from where the last call stopped, and stops behind one top-level value. `out` is
  // cleared where a value starts; until that value is whole, each call must get the same `out`
  // and leave it alone. How the bytes are sliced has no influence on values, errors, offsets.
  //
  // Memory is taken as bytes arrive, never ahead of them because a length says so. Nesting uses no
  // stack.
  Result Parse(std::string_view input, Reply* out);

  // kNone unless the last Parse() answered kError.
  const ParseError& error() const { return error_; }
  // True between values: nothing of a value has been seen that is not yet whole.
  bool idle() const { return state_ == State::kStart; }
  // Bytes consumed since the construction or the last Reset().
  uint64_t offset() const { return offset_; }
  // Forgets everything but the limits.
  void Reset();

 private:
  enum class State : uint8_t { kStart, kValue, kFailed };

  ReplyLimits limits_;
  State state_ = State::kStart;
  uint64_t offset_ = 0;
  ParseError error_;
};

}  // namespace resprobe::resp

#endif  // RESPROBE_CORE_RESP_REPLY_PARSER_H_
