#ifndef RESPROBE_CORE_RESP_REPLY_PARSER_H_
#define RESPROBE_CORE_RESP_REPLY_PARSER_H_

// An incremental parser for what a server sends: every type of RESP2 and RESP3, with streamed
// strings and aggregates, attributes and pushes.
//
// It follows the specification (redis.io/docs/reference/protocol-spec and the RESP3 document in
// github.com/redis/redis-specifications), strictly: lines end in CRLF, a bulk is followed by CRLF,
// lengths have no sign, no leading zero. Where hiredis does otherwise is listed in
// worlds/resp/resp_differential.h.

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
  // The count that the header of an aggregate gives: children, or pairs of children; at most
  // 2147483647. Servers take that many from redis 7.0 on (INT_MAX), hiredis 4294967295
  // (REDIS_READER_MAX_ARRAY_ELEMENTS).
  uint32_t max_elements = 0x7fffffff;
  // Bytes of one string, error or big number. Servers: proto-max-bulk-len.
  uint32_t max_bulk = 512u << 20;
  // Bytes of any other line (a header, a number), with its type byte, without CRLF; from 32 to
  // 65535. Servers: 65536 (PROTO_INLINE_MAX_SIZE).
  uint32_t max_line = 65535;
  // Bytes that one reply may take (Reply::memory_used), at least 128. Servers:
  // client-query-buffer-limit.
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
  bool idle() const { return state_ == State::kIdle; }
  // Bytes consumed since the construction or the last Reset().
  uint64_t offset() const { return offset_; }
  // Aggregates that are open.
  uint32_t depth() const { return depth_; }
  // Where the line or the bulk starts that the parser is in the middle of, or offset().
  uint64_t token_offset() const { return idle() ? offset_ : token_offset_; }
  // Forgets everything but the limits.
  void Reset();

 private:
  enum class State : uint8_t {
    kIdle,   // before a value
    kToken,  // inside a value, at the start of a line or inside one
    kBulk,   // inside the bytes of a bulk, or of the CRLF behind it
    kFailed,
  };
  enum class Step : uint8_t { kNext, kValue, kNeedMore, kError };
  using Node = Reply::Node;
  static constexpr uint32_t kNone = 0xffffffff;

  void StartWithText(char type, const char* text, uint32_t length, const char* end, Reply* out);
  Result ScalarDone(ptrdiff_t size, Reply* out);
  Result Continue(std::string_view input, Reply* out);
  Result Run(std::string_view input, Reply* out);
  Step Resume();
  Step Loop();
  Step Token();
  Step Unfinished(const char* line, const char* end, uint32_t at);
  Step Line(const char* line, const char* lf, uint32_t at);
  Step LineText(char type, std::string_view text, uint32_t at);
  Step Number(char type, std::string_view text, uint32_t at);
  Step BulkHeader(char type, std::string_view text, uint32_t at);
  Step AggregateHeader(char type, std::string_view text, uint32_t at);
  Step StreamEnd(std::string_view text, uint32_t at);
  Step Bulk();
  Step BulkDone();
  Step Open(char type, uint32_t at, uint32_t count, bool streamed);
  Type Close();
  Step AttributeDone();
  Step ValueDone();
  Step Fail(ParseErrorCode code, uint32_t at, char subject);
  uint32_t At(const char* p) const;
  uint32_t NodeCount() const;
  void Flush();
  void SetCareful();
  Node* Add(char type);
  void AddText(char type, uint32_t at, uint32_t length);
  void AddWord(char type, int64_t value);
  Node* AddNumber(char type, uint32_t at, size_t length);

  ReplyLimits limits_;
  uint32_t scalar_limit_;  // bytes of a text that, alone, meets no limit
  State state_ = State::kIdle;
  bool in_chunks_ = false;  // inside a streamed string
  bool in_stream_ = false;  // the innermost open aggregate is streamed
  bool annotated_ = false;  // an attribute has ended, the value that it annotates must follow
  bool tight_ = false;      // the value may meet the limit of memory
  bool careful_ = false;    // no fast paths
  uint32_t open_ = kNone;   // the innermost open aggregate: its node
  uint32_t left_ = 0;       // the children that it lacks
  uint32_t depth_ = 0;      // aggregates open
  uint32_t chunk_ = 0;      // bytes of the chunk of a streamed string
  uint64_t offset_ = 0;
  uint64_t token_offset_ = 0;
  uint64_t value_offset_ = 0;  // where the value starts
  uint64_t bulk_end_ = 0;      // where the bulk ends, behind its CRLF
  // Up to here, bytes of an unfinished bulk, or of an unfinished line if they are not LF, only have
  // to be kept.
  uint64_t quiet_until_ = 0;
  ParseError error_;

  // During a call of Parse() only.
  Reply* out_ = nullptr;
  const char* p_ = nullptr;     // the next byte to look at
  const char* end_ = nullptr;   // of the input
  const char* mark_ = nullptr;  // the first byte that is not in the reply yet
  uint32_t base_ = 0;           // bytes in the reply
};

}  // namespace resprobe::resp

#endif  // RESPROBE_CORE_RESP_REPLY_PARSER_H_
