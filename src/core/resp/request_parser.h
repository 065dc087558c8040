#ifndef RESPROBE_CORE_RESP_REQUEST_PARSER_H_
#define RESPROBE_CORE_RESP_REQUEST_PARSER_H_

// An incremental parser for client input: arrays of bulk strings ("multibulk") and inline lines. It
// follows redis 7.0.15's networking.c (processMultibulkBuffer, processInlineBuffer) including its
// error texts, and sds.c (sdssplitargs) for inline requests.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/resp/flat_buffer.h"

namespace resprobe::resp {

// The server's limits.
struct RequestLimits {
  // Arguments of one request. redis: INT_MAX from 7.0, 1024 * 1024 up to 6.2.
  int64_t max_args = 0x7fffffff;
  // Bytes of one argument. redis: proto-max-bulk-len.
  int64_t max_bulk = 512ll << 20;
  // Bytes of an incomplete header or inline line. redis: PROTO_INLINE_MAX_SIZE.
  size_t max_line = 64 << 10;
  // Bytes of one request. redis: client-query-buffer-limit; at most 4294967295 here.
  size_t max_request = 1 << 30;
  // The same before authentication.
  int64_t max_args_unauthenticated = 10;
  int64_t max_bulk_unauthenticated = 16384;
};

struct RequestError {
  // What the server answers after "-ERR " before it closes, e.g. "Protocol error: expected '$', got
  // 'x'". Empty if it closes without a reply (max_request).
  std::string text;
  // Start of the invalid line or bulk, counted from construction or the last Reset().
  uint64_t offset = 0;
};

class RequestParser {
 public:
  enum class Status : uint8_t {
    kRequest,   // args() holds a request with at least one argument
    kNeedMore,  // all input is consumed; continue with the bytes that follow
    kError,     // final until Reset(); see error()
  };
  struct Result {
    Status status;
    size_t consumed;  // input bytes that the caller may drop; 0 with kError
  };

  explicit RequestParser(const RequestLimits& limits = RequestLimits());
  // Can be neither copied nor moved: args() may point into the parser.
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // Resumes where the last call stopped, and stops after one request. Like the server, it skips
  // empty requests (`*0`, `*-1`, an empty line).
  //
  // Slicing of the input has no influence. In a real server the answer to a line of over 64 KB
  // depends on it; here such a line is always an error.
  Result Parse(std::string_view input);
  // A temporary string is refused: args() would point into freed memory.
  template <std::same_as<std::string> Temporary>
  Result Parse(Temporary&& input) = delete;

  // The arguments of the request that Parse() just returned. They may point into its input and into
  // this parser: they are valid as long as the input is, until the next Parse() or Reset().
  std::span<const std::string_view> args() const { return {args_.data(), args_.size()}; }

  // The number of requests without arguments that were skipped before the one in args(), or so far
  // before the next one. To a server each of them is a command that ends: it uses up a CLIENT REPLY
  // SKIP.
  uint32_t skipped() const { return skipped_; }

  const RequestError& error() const { return error_; }
  // False (the client has yet to authenticate) applies the tighter limits. True at first.
  void set_authenticated(bool authenticated) { authenticated_ = authenticated; }
  // Follows valkey 8.0.1 (docs/findings/valkey-blank-line.md): after a line of blanks the next
  // request is parsed as inline, whatever it begins with, and the line does not count in skipped().
  // False at first.
  void set_blanks_keep_inline(bool keep) { blanks_keep_inline_ = keep; }
  // Bytes consumed since construction or the last Reset().
  uint64_t offset() const { return offset_; }
  // True between requests: no part of an incomplete request has been seen.
  bool idle() const { return state_ == State::kIdle; }
  // Bytes stored for the current request, and bytes allocated.
  size_t memory_used() const;
  size_t memory_allocated() const;
  // Forgets everything except the limits and whether the client is authenticated.
  void Reset();
  // The same; `limits` replace those of the constructor.
  void Reset(const RequestLimits& limits);

 private:
  enum class State : uint8_t {
    kIdle,        // before a request
    kInline,      // in an inline line
    kCount,       // in the line that starts with *
    kBulkHeader,  // in the line that starts with $
    kBulk,        // in the bytes of an argument or its CRLF
    kFailed,
  };
  enum class Step : uint8_t { kNext, kRequest, kNeedMore, kError };
  // An argument: a range of the request, or of scratch_ if the request is inline.
  struct Slot {
    uint32_t offset;
    uint32_t length;
  };
  static constexpr int kNoStop = -1;

  uint32_t At(const char* p) const;
  void Forget();
  void Keep();
  void SetQuiet();
  size_t ReadWhole(std::string_view input);
  Result Run(std::string_view input);
  Step Loop();
  Step Line(char stop);
  Step Inline(std::string_view line);
  Step Count(std::string_view line);
  Step BulkHeader(std::string_view line);
  void Finish(const char* base);
  Step Fail(std::string_view text, uint32_t at);
  bool Split(std::string_view line);

  RequestLimits limits_;
  bool authenticated_ = true;
  State state_ = State::kIdle;
  bool inline_ = false;
  bool blanks_keep_inline_ = false;
  bool next_is_inline_ = false;
  bool blank_ = false;  // the current inline line is not empty
  bool whole_ = false;  // the last call of Parse() returned a request
  uint32_t skipped_ = 0;
  bool stalled_ = false;    // the line contains a NUL: the search for its end has stopped
  uint32_t line_ = 0;       // start of the line, in the request
  int64_t args_left_ = 0;   // arguments yet to arrive
  uint64_t bulk_left_ = 0;  // bytes of the argument yet to arrive, including its CRLF
  // This many bytes only have to be stored, if they are neither quiet_stop_ nor NUL.
  uint64_t quiet_left_ = 0;
  int quiet_stop_ = kNoStop;
  uint64_t offset_ = 0;
  uint64_t request_offset_ = 0;
  FlatBuffer<char> bytes_;    // earlier slices of the request
  FlatBuffer<char> scratch_;  // unquoted arguments of an inline request
  FlatBuffer<Slot> slots_;
  FlatBuffer<std::string_view> args_;
  RequestError error_;

  // Valid only during a call of Parse().
  const char* p_ = nullptr;     // the next byte to read
  const char* end_ = nullptr;   // end of the input
  const char* mark_ = nullptr;  // the first byte that is neither in bytes_ nor before the request
};

}  // namespace resprobe::resp

#endif  // RESPROBE_CORE_RESP_REQUEST_PARSER_H_
