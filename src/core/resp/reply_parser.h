#ifndef RESPROBE_CORE_RESP_REPLY_PARSER_H_
#define RESPROBE_CORE_RESP_REPLY_PARSER_H_

// An incremental parser for server output: every type of RESP2 and RESP3, with streamed strings and
// aggregates, attributes and pushes.
//
// It follows the specification (redis.io/docs/reference/protocol-spec and the RESP3 document in
// github.com/redis/redis-specifications) strictly: lines end in CRLF, a bulk is followed by CRLF,
// lengths have no sign and no leading zero. worlds/resp/resp_differential.h lists where hiredis
// differs.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/resp/reply.h"

namespace resprobe::resp {

// Limits of the parser. The defaults are those of real servers and of hiredis.
struct ReplyLimits {
  // Nesting depth of aggregates. hiredis: 8 in 0.14, unlimited from 1.0 to 1.4.0, 1024 since.
  uint32_t max_depth = 1024;
  // The count in an aggregate's header: children, or pairs of children; at most 2147483647. Servers
  // accept that many since redis 7.0 (INT_MAX), hiredis 4294967295
  // (REDIS_READER_MAX_ARRAY_ELEMENTS).
  uint32_t max_elements = 0x7fffffff;
  // Bytes of one string, error or big number. Servers: proto-max-bulk-len.
  uint32_t max_bulk = 512u << 20;
  // Bytes of any other line (a header, a number), including its type byte and excluding CRLF; from
  // 32 to 65535. Servers: 65536 (PROTO_INLINE_MAX_SIZE).
  uint32_t max_line = 65535;
  // Bytes that one reply may occupy (Reply::memory_used), at least 128. Servers:
  // client-query-buffer-limit.
  uint32_t max_memory = 1u << 30;
};

enum class ParseErrorCode : uint8_t {
  kNone,
  kUnknownType,      // no type starts with this byte (or `;` or `.` where neither is allowed)
  kBadLength,        // malformed length or count
  kBadInteger,       // not a number, or does not fit 64 bits
  kBadDouble,        // not a number, or does not fit a double
  kBadBoolean,       // not #t or #f
  kBadNull,          // not _
  kBadBigNumber,     // no digits, or a byte that is not a digit
  kBadVerbatim,      // does not start with "xxx:"
  kBadLineEnd,       // LF without CR, or CR without LF, in a line
  kBadBulkEnd,       // a bulk not followed by CRLF
  kBadChunk,         // a chunk of a streamed string does not start with `;`
  kBadStreamEnd,     // `.` after a map's key, after an attribute, or not on a line of its own
  kNestedPush,       // a push inside another value
  kTooDeep,          // over max_depth
  kTooManyElements,  // over max_elements
  kBulkTooLong,      // over max_bulk
  kLineTooLong,      // over max_line
  kTooMuchMemory,    // over max_memory
};

struct ParseError {
  ParseErrorCode code = ParseErrorCode::kNone;
  // Position of the wrong byte, counted from construction or the last Reset().
  uint64_t offset = 0;
  // The type of the invalid value, or the unknown byte.
  char subject = 0;

  // What was expected: "expected CRLF after the bulk string".
  std::string message() const;
};

// A parser owns the reply that it fills: while a value is incomplete, no other code can clear it,
// swap it or fill it from another stream. Take() moves out a value that must outlive the next
// Parse(). For the same reason a parser can be neither copied nor moved.
class ReplyParser {
 public:
  enum class Status : uint8_t {
    kValue,     // reply() holds a value; input[consumed, …) belongs to the next one
    kNeedMore,  // all input is consumed; continue with the bytes that follow
    kError,     // final until Reset(); see error()
  };
  struct Result {
    Status status;
    size_t consumed;  // input bytes that the caller may drop; 0 with kError
  };

  explicit ReplyParser(const ReplyLimits& limits = ReplyLimits());

  ReplyParser(const ReplyParser&) = delete;
  ReplyParser& operator=(const ReplyParser&) = delete;

  // Resumes where the last call stopped, and stops after one top-level value. `input` must not
  // point into reply(). Slicing of the input has no influence on values, errors or offsets.
  //
  // Memory grows with the bytes that arrive, never in advance because of an announced length.
  // Nesting uses no stack.
  Result Parse(std::string_view input);

  // After kValue: the value, until Take(), Reset() or the Parse() that starts the next value.
  // While a value arrives and after an error it is empty(), and nodes() holds the part parsed so
  // far. Views into it are valid until the next Parse(), Take() or Reset().
  const Reply& reply() const { return reply_; }
  // Moves a complete value to `*out` by swapping buffers: no memory is allocated or freed, and
  // reply() is empty afterwards. If reply() is empty, clears `*out` and leaves the parser
  // unchanged, so an incomplete value stays with its parser.
  void Take(Reply* out);

  // kNone unless the last Parse() returned kError.
  const ParseError& error() const { return error_; }
  // True between values: no part of an incomplete value has been seen.
  bool idle() const { return state_ == State::kIdle; }
  // Bytes consumed since construction or the last Reset().
  uint64_t offset() const { return offset_; }
  // The number of open aggregates.
  uint32_t depth() const { return depth_; }
  // Start of the line or bulk that is being parsed, or offset() if idle.
  uint64_t token_offset() const { return idle() ? offset_ : token_offset_; }
  // Forgets everything except the limits. reply() is empty afterwards and keeps its memory.
  void Reset();

 private:
  enum class State : uint8_t {
    kIdle,   // before a value
    kToken,  // inside a value, at the start of a line or within one
    kBulk,   // inside the bytes of a bulk or its CRLF
    kFailed,
  };
  enum class Step : uint8_t { kNext, kValue, kNeedMore, kError };
  using Node = Reply::Node;
  static constexpr uint32_t kNone = 0xffffffff;

  void StartWithText(char type, const char* text, uint32_t length, const char* end);
  Result ScalarDone(ptrdiff_t size);
  Result Continue(std::string_view input);
  Result Run(std::string_view input);
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
  static void Begin(Node* node, char type);
  Node* Add(char type);
  void AddText(char type, uint32_t at, uint32_t length);
  void AddWord(char type, int64_t value);
  Node* AddNumber(char type, uint32_t at, size_t length);

  Reply reply_;
  ReplyLimits limits_;
  uint32_t scalar_limit_;  // a text of up to this many bytes cannot exceed a limit by itself
  State state_ = State::kIdle;
  bool in_chunks_ = false;  // inside a streamed string
  bool in_stream_ = false;  // the innermost open aggregate is streamed
  bool annotated_ = false;  // an attribute has ended, its value must follow
  bool tight_ = false;      // the value may reach the memory limit
  bool careful_ = false;    // no fast paths
  uint32_t open_ = kNone;   // node of the innermost open aggregate
  uint32_t left_ = 0;       // its missing children
  uint32_t depth_ = 0;      // open aggregates
  uint32_t chunk_ = 0;      // bytes of the current chunk of a streamed string
  uint64_t offset_ = 0;
  uint64_t token_offset_ = 0;
  uint64_t value_offset_ = 0;  // start of the value
  uint64_t bulk_end_ = 0;      // end of the bulk, after its CRLF
  // Before this offset, bytes of an unfinished bulk are only stored; so are bytes of an unfinished
  // line, other than LF.
  uint64_t quiet_until_ = 0;
  ParseError error_;

  // Valid only during a call of Parse().
  const char* p_ = nullptr;     // the next byte to read
  const char* end_ = nullptr;   // end of the input
  const char* mark_ = nullptr;  // the first byte not yet copied to the reply
  uint32_t base_ = 0;           // bytes in the reply
};

}  // namespace resprobe::resp

#endif  // RESPROBE_CORE_RESP_REPLY_PARSER_H_
