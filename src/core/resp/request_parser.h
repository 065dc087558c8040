#ifndef RESPROBE_CORE_RESP_REQUEST_PARSER_H_
#define RESPROBE_CORE_RESP_REQUEST_PARSER_H_

// An incremental parser for what a client sends: arrays of bulk strings ("multibulk") and inline
// lines. It follows redis 7.0.15's networking.c (processMultibulkBuffer, processInlineBuffer) with
// its error texts, and sds.c (sdssplitargs) for inline requests.

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
  // Bytes of a header or of an inline line that wait for their end. redis: PROTO_INLINE_MAX_SIZE.
  size_t max_line = 64 << 10;
  // Bytes of one request. redis: client-query-buffer-limit; at most 4294967295 here.
  size_t max_request = 1 << 30;
  // The same before authentication.
  int64_t max_args_unauthenticated = 10;
  int64_t max_bulk_unauthenticated = 16384;
};

struct RequestError {
  // What the server answers behind "-ERR " before it closes, e.g.
  // "Protocol error: expected '$', got 'x'". Empty where it closes without a word (max_request).
  std::string text;
  // Where the line or the bulk starts that is wrong, from the first byte since the construction
  // or the last Reset().
  uint64_t offset = 0;
};

class RequestParser {
 public:
  enum class Status : uint8_t {
    kRequest,   // args() holds a request, at least one argument
    kNeedMore,  // all of the input is consumed; continue with the bytes that follow
    kError,     // final until Reset(); see error()
  };
  struct Result {
    Status status;
    size_t consumed;  // bytes of the input that the caller may drop; 0 with kError
  };

  explicit RequestParser(const RequestLimits& limits = RequestLimits());

  // Goes on from where the last call stopped, and stops behind one request. As the server does, it
  // skips what asks for nothing (`*0`, `*-1`, an empty line).
  //
  // How the bytes are sliced has no influence. The server's own answer to a line of over 64 KB
  // depends on it; here such a line is always an error.
  Result Parse(std::string_view input);

  // The arguments of the request that Parse() just answered with. They may point into its input
  // and into this parser: valid as long as the input is, until the next Parse() or Reset().
  std::span<const std::string_view> args() const { return {args_.data(), args_.size()}; }

  // How many requests without arguments were skipped before the one of args(), or so far before
  // the next one. For a server each is a turn that ends: it uses up a CLIENT REPLY SKIP.
  uint32_t skipped() const { return skipped_; }

  const RequestError& error() const { return error_; }
  // False (the client has yet to authenticate) makes the tighter limits hold. True at first.
  void set_authenticated(bool authenticated) { authenticated_ = authenticated; }
  // What valkey 8.0.1 does (docs/findings/valkey-blank-line.md): after a line of blanks the next
  // request is inline, whatever it begins with, and the line is not skipped(). False at first.
  void set_blanks_keep_inline(bool keep) { blanks_keep_inline_ = keep; }
  // Bytes consumed since the construction or the last Reset().
  uint64_t offset() const { return offset_; }
  // True between requests: nothing of one has been seen that is not yet whole.
  bool idle() const { return state_ == State::kIdle; }
  // Bytes kept for the request at hand, and bytes allocated.
  size_t memory_used() const;
  size_t memory_allocated() const;
  // Forgets everything but the limits and whether the client is authenticated.
  void Reset();

 private:
  enum class State : uint8_t {
    kIdle,        // before a request
    kInline,      // in an inline line
    kCount,       // in the line that starts with *
    kBulkHeader,  // in the line that starts with $
    kBulk,        // in the bytes of an argument or the two behind them
    kFailed,
  };
  enum class Step : uint8_t { kNext, kRequest, kNeedMore, kError };
  // An argument: bytes of the request, or of scratch_ if it came inline.
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
  bool blank_ = false;  // the inline line at hand is not empty
  bool whole_ = false;  // the last call of Parse() answered with a request
  uint32_t skipped_ = 0;
  bool stalled_ = false;    // a NUL in the line: its end is not looked for any more
  uint32_t line_ = 0;       // where the line starts, in the request
  int64_t args_left_ = 0;   // arguments that have not come
  uint64_t bulk_left_ = 0;  // bytes of the argument that have not come, with the two behind it
  // So many bytes only have to be kept, if they are neither quiet_stop_ nor NUL.
  uint64_t quiet_left_ = 0;
  int quiet_stop_ = kNoStop;
  uint64_t offset_ = 0;
  uint64_t request_offset_ = 0;
  FlatBuffer<char> bytes_;    // what earlier slices brought of the request
  FlatBuffer<char> scratch_;  // arguments of an inline request, unquoted
  FlatBuffer<Slot> slots_;
  FlatBuffer<std::string_view> args_;
  RequestError error_;

  // During a call of Parse() only.
  const char* p_ = nullptr;     // the next byte to look at
  const char* end_ = nullptr;   // of the input
  const char* mark_ = nullptr;  // the first byte that is neither in bytes_ nor before the request
};

}  // namespace resprobe::resp

#endif  // RESPROBE_CORE_RESP_REQUEST_PARSER_H_
