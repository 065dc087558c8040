#include "core/resp/request_parser.h"

#include <algorithm>
#include <cstring>

#include "core/resp/number.h"
#include "core/resp/scan.h"

namespace resprobe::resp {
namespace {

constexpr bool IsDigit(char c) { return static_cast<unsigned char>(c - '0') <= 9; }

constexpr int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Bytes that end a run of plain bytes in a word of an inline request: quotes, and the white space
// that separates words (not \v and \f).
struct ByteSet {
  bool in[256] = {};
  constexpr explicit ByteSet(std::string_view bytes) {
    for (const char c : bytes) in[static_cast<unsigned char>(c)] = true;
  }
  constexpr bool Has(char c) const { return in[static_cast<unsigned char>(c)]; }
};
constexpr ByteSet kWordEnds(" \n\r\t\"'");
constexpr ByteSet kSpaces(" \t\n\v\f\r");

// isspace() in the "C" locale.
constexpr bool IsSpace(char c) { return kSpaces.Has(c); }

constexpr char Unescape(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
    default:
      return c;
  }
}

// Reads a type byte, a number of at most six digits without leading zeros, a CR and any one byte.
// Moves `p` after it. Inlined, since most requests consist of little else.
[[gnu::always_inline]] inline bool ReadHeader(const char*& p, const char* end, char type,
                                              int64_t& number) {
  if (end - p < 4) return false;
  const uint32_t word = scan::Load4(p);
  const uint32_t digit = (word >> 8 & 0xff) - '0';
  if ((word & 0xff) != static_cast<unsigned char>(type) || digit > 9) return false;
  if ((word >> 16 & 0xff) == '\r') [[likely]] {
    p += 4;
    number = digit;
    return true;
  }
  const char* q = p + 1;
  const char* const last = end - q > 6 ? q + 6 : end;
  int64_t value = 0;
  for (; q != last && IsDigit(*q); ++q) value = value * 10 + (*q - '0');
  if (end - q < 2 || *q != '\r' || p[1] == '0') return false;
  p = q + 2;
  number = value;
  return true;
}

}  // namespace

RequestParser::RequestParser(const RequestLimits& limits) { Reset(limits); }

// Forgets the previous request.
inline void RequestParser::Forget() {
  bytes_.clear();
  scratch_.clear();
  slots_.clear();
}

void RequestParser::Reset() {
  state_ = State::kIdle;
  quiet_left_ = 0;
  whole_ = false;
  next_is_inline_ = false;
  skipped_ = 0;
  offset_ = 0;
  Forget();
  args_.clear();
  error_.text.clear();
  error_.offset = 0;
}

void RequestParser::Reset(const RequestLimits& limits) {
  limits_ = limits;
  limits_.max_request = std::min<size_t>(limits_.max_request, 0xffffffff);
  Reset();
}

size_t RequestParser::memory_used() const {
  return bytes_.size() + scratch_.size() + slots_.size() * sizeof(Slot) +
         args_.size() * sizeof(std::string_view);
}

size_t RequestParser::memory_allocated() const {
  return bytes_.capacity() + scratch_.capacity() + slots_.capacity() * sizeof(Slot) +
         args_.capacity() * sizeof(std::string_view);
}

inline uint32_t RequestParser::At(const char* p) const {
  return static_cast<uint32_t>(bytes_.size()) + static_cast<uint32_t>(p - mark_);
}

void RequestParser::Keep() {
  bytes_.Append(mark_, static_cast<size_t>(p_ - mark_));
  mark_ = p_;
}

RequestParser::Step RequestParser::Fail(std::string_view text, uint32_t at) {
  state_ = State::kFailed;
  error_.text.assign(text);
  error_.offset = request_offset_ + at;
  return Step::kError;
}

// Sets how many of the following bytes can be stored unseen: those of a bulk except the last, and
// those of a line up to its limit.
void RequestParser::SetQuiet() {
  const uint64_t room = limits_.max_request - bytes_.size();
  if (state_ == State::kBulk) {
    quiet_left_ = std::min(bulk_left_ - 1, room);
    quiet_stop_ = kNoStop;
    return;
  }
  const uint64_t seen = bytes_.size() - line_;
  const bool is_inline = state_ == State::kInline;
  const bool ending = !is_inline && seen > 0 && bytes_.back() == '\r';
  quiet_left_ = seen == 0 || (ending && !stalled_) ? 0 : std::min(limits_.max_line - seen, room);
  quiet_stop_ = stalled_ ? kNoStop : is_inline ? '\n' : '\r';
}

RequestParser::Result RequestParser::Parse(std::string_view input) {
  args_.clear();
  if (whole_) {
    whole_ = false;
    skipped_ = 0;
  }
  // A byte of an unfinished bulk or line.
  if (input.size() == 1 && quiet_left_ > 0) {
    const char c = input[0];
    if (quiet_stop_ == kNoStop || (c != quiet_stop_ && c != 0)) {
      bytes_.push_back(c);
      --quiet_left_;
      if (state_ == State::kBulk) --bulk_left_;
      ++offset_;
      return {Status::kNeedMore, 1};
    }
  }
  if (state_ == State::kFailed) return {Status::kError, 0};
  quiet_left_ = 0;
  if (state_ == State::kIdle && !next_is_inline_) {
    Forget();
    if (const size_t length = ReadWhole(input); length > 0) {
      whole_ = true;
      offset_ += length;
      return {Status::kRequest, length};
    }
    args_.clear();
  }
  return Run(input);
}

// Reads what nearly all requests are: multibulk, in the form that clients send, completely in the
// input. The arguments are not copied. Returns the length of the request, or 0 if it is anything
// else or has an error, which Run() then reports.
size_t RequestParser::ReadWhole(std::string_view input) {
  constexpr size_t kLongestLine = 10;
  if (input.size() > limits_.max_request || limits_.max_line < kLongestLine) return 0;
  const char* p = input.data();
  const char* const end = p + input.size();
  const int64_t most = authenticated_
                           ? limits_.max_bulk
                           : std::min(limits_.max_bulk, limits_.max_bulk_unauthenticated);
  int64_t args = 0;
  if (!ReadHeader(p, end, '*', args) || args == 0 || args > limits_.max_args ||
      (!authenticated_ && args > limits_.max_args_unauthenticated)) {
    return 0;
  }
  for (; args > 0; --args) {
    int64_t length = 0;
    if (!ReadHeader(p, end, '$', length) || length > most || end - p < length + 2) return 0;
    args_.push_back(std::string_view(p, static_cast<size_t>(length)));
    p += length + 2;
  }
  return static_cast<size_t>(p - input.data());
}

RequestParser::Result RequestParser::Run(std::string_view input) {
  const char* const begin = input.data();
  const char* const end = begin + input.size();
  p_ = mark_ = begin;
  while (p_ != end) {
    if (state_ == State::kIdle) {
      Forget();
      inline_ = next_is_inline_ || *p_ != '*';
      next_is_inline_ = false;
      state_ = inline_ ? State::kInline : State::kCount;
      stalled_ = false;
      line_ = 0;
      mark_ = p_;
      request_offset_ = offset_ + static_cast<uint64_t>(p_ - begin);
    }
    // A request sees at most one byte beyond its limit.
    const size_t room = limits_.max_request + 1 - bytes_.size();
    const bool capped = static_cast<size_t>(end - p_) >= room;
    end_ = capped ? p_ + room : end;
    Step step = Loop();
    if (step != Step::kError && capped && p_ == end_) {
      step = Fail("", static_cast<uint32_t>(limits_.max_request));
    }
    switch (step) {
      case Step::kError:
        return {Status::kError, 0};
      case Step::kNeedMore:
        Keep();
        SetQuiet();
        break;
      default:
        state_ = State::kIdle;
        if (slots_.empty()) {  // an empty request
          next_is_inline_ = blanks_keep_inline_ && inline_ && blank_;
          skipped_ += next_is_inline_ ? 0 : 1;
          break;
        }
        whole_ = true;
        if (bytes_.empty()) {
          Finish(mark_);
        } else {
          Keep();
          Finish(bytes_.data());
        }
        offset_ += static_cast<uint64_t>(p_ - begin);
        return {Status::kRequest, static_cast<size_t>(p_ - begin)};
    }
  }
  offset_ += input.size();
  return {Status::kNeedMore, input.size()};
}

void RequestParser::Finish(const char* base) {
  if (inline_) base = scratch_.data();
  for (size_t i = 0; i < slots_.size(); ++i) {
    args_.push_back(std::string_view(base + slots_[i].offset, slots_[i].length));
  }
}

RequestParser::Step RequestParser::Loop() {
  for (;;) {
    Step step = Step::kNext;
    switch (state_) {
      case State::kInline:
        step = Line('\n');
        break;
      case State::kCount:
        step = Line('\r');
        break;
      case State::kBulkHeader: {
        // The form that clients send, when it is completely in the input.
        const char* q = p_ + 1;
        if (end_ - p_ > 4 && At(p_) == line_ && *p_ == '$' && IsDigit(*q)) {
          int64_t length = 0;
          for (; q != end_ && IsDigit(*q) && q - p_ < 10; ++q) length = length * 10 + *q - '0';
          if (end_ - q >= 2 && *q == '\r' && (p_[1] != '0' || q == p_ + 2) &&
              length <= (authenticated_
                             ? limits_.max_bulk
                             : std::min(limits_.max_bulk, limits_.max_bulk_unauthenticated)) &&
              end_ - q - 2 >= length + 2) {
            slots_.push_back({At(q + 2), static_cast<uint32_t>(length)});
            p_ = q + 2 + length + 2;
            line_ = At(p_);
            if (--args_left_ == 0) return Step::kRequest;
            break;
          }
        }
        step = Line('\r');
        break;
      }
      case State::kBulk: {
        const auto take = std::min(bulk_left_, static_cast<uint64_t>(end_ - p_));
        p_ += take;
        bulk_left_ -= take;
        if (bulk_left_ > 0) return Step::kNeedMore;
        if (--args_left_ == 0) return Step::kRequest;
        state_ = State::kBulkHeader;
        line_ = At(p_);
        stalled_ = false;
        break;
      }
      default:
        return Step::kError;
    }
    if (step != Step::kNext) return step;
  }
}

// Reads a line that ends at `stop`: LF for an inline request, CR and any one byte for the headers.
// A NUL hides the end, as in the server, which searches with strchr.
RequestParser::Step RequestParser::Line(char stop) {
  const uint32_t seen = At(p_) - line_;
  // The server fails when it holds more than max_line bytes without an end among them.
  const size_t room = limits_.max_line + 1 - std::min<size_t>(seen, limits_.max_line + 1);
  const char* const last = p_ + std::min(room, static_cast<size_t>(end_ - p_));
  const char* stop_at = nullptr;
  // The CR may have been the last byte of the previous slice.
  const bool had_stop =
      stop == '\r' && seen > 0 && !stalled_ && bytes_.back() == '\r' && p_ == mark_;
  if (!had_stop && !stalled_) {
    const char* q = p_;
    while (q != last && *q != stop && *q != 0) ++q;
    if (q != last) {
      if (*q == 0) {
        stalled_ = true;
      } else {
        stop_at = q;
      }
    }
  }
  if (!had_stop && stop_at == nullptr) {
    if (static_cast<size_t>(last - p_) == room) {
      return Fail(state_ == State::kInline  ? "Protocol error: too big inline request"
                  : state_ == State::kCount ? "Protocol error: too big mbulk count string"
                                            : "Protocol error: too big bulk count string",
                  line_);
    }
    p_ = end_;
    return Step::kNeedMore;
  }
  uint32_t length;  // without the stop
  if (had_stop) {
    length = seen - 1;
    ++p_;
  } else {
    length = At(stop_at) - line_;
    if (stop == '\r' && end_ - stop_at < 2) {
      p_ = end_;
      return Step::kNeedMore;
    }
    p_ = stop_at + (stop == '\r' ? 2 : 1);
  }
  const char* text;
  if (line_ < bytes_.size()) {
    Keep();
    text = bytes_.data() + line_;
  } else {
    text = mark_ + (line_ - bytes_.size());
  }
  const std::string_view line(text, length);
  const uint32_t next = At(p_);
  switch (state_) {
    case State::kInline:
      return Inline(line);
    case State::kCount: {
      const Step step = Count(line);
      line_ = next;
      return step;
    }
    default: {
      const Step step = BulkHeader(line);
      if (step == Step::kNext) slots_.back().offset = next;
      return step;
    }
  }
}

RequestParser::Step RequestParser::Inline(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  blank_ = !line.empty();
  if (!Split(line)) return Fail("Protocol error: unbalanced quotes in request", line_);
  return Step::kRequest;
}

RequestParser::Step RequestParser::Count(std::string_view line) {
  int64_t count;
  if (!ParseStrictInteger(line.substr(1), &count) || count > limits_.max_args) {
    return Fail("Protocol error: invalid multibulk length", line_);
  }
  if (!authenticated_ && count > limits_.max_args_unauthenticated) {
    return Fail("Protocol error: unauthenticated multibulk length", line_);
  }
  if (count <= 0) return Step::kRequest;  // without arguments: skipped
  args_left_ = count;
  state_ = State::kBulkHeader;
  stalled_ = false;
  return Step::kNext;
}

RequestParser::Step RequestParser::BulkHeader(std::string_view line) {
  // An empty line: its first byte is the CR.
  const char first = line.empty() ? '\r' : line[0];
  if (first != '$') {
    // The server replaces line ends in the text of an error.
    const char shown = first == '\r' || first == '\n' ? ' ' : first;
    Fail("Protocol error: expected '$', got '", line_);
    error_.text.push_back(shown);
    error_.text.push_back('\'');
    return Step::kError;
  }
  int64_t length;
  if (!ParseStrictInteger(line.substr(1), &length) || length < 0 || length > limits_.max_bulk) {
    return Fail("Protocol error: invalid bulk length", line_);
  }
  if (!authenticated_ && length > limits_.max_bulk_unauthenticated) {
    return Fail("Protocol error: unauthenticated bulk length", line_);
  }
  slots_.push_back({0, static_cast<uint32_t>(length)});
  bulk_left_ = static_cast<uint64_t>(length) + 2;
  state_ = State::kBulk;
  return Step::kNext;
}

// Splits an inline line into slots_ and scratch_ by the rules of sdssplitargs; false if a quote is
// not closed, or something follows it.
bool RequestParser::Split(std::string_view line) {
  const char* p = line.data();
  const char* const end = p + line.size();
  const auto at = [end](const char* q) { return q < end ? *q : '\0'; };
  for (;;) {
    while (p != end && IsSpace(*p)) ++p;
    if (p == end) return true;
    const size_t offset = scratch_.size();
    const char* const word = p;
    while (p != end && !kWordEnds.Has(*p)) ++p;
    scratch_.Append(word, static_cast<size_t>(p - word));
    char quote = 0;
    for (;; ++p) {
      if (p == end) {
        if (quote != 0) return false;
        break;
      }
      const char c = *p;
      if (quote == 0) {
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t') break;
        if (c == '"' || c == '\'') {
          quote = c;
          continue;
        }
      } else if (c == quote) {
        if (p + 1 != end && !IsSpace(p[1])) return false;
        ++p;
        break;
      } else if (c == '\\' && quote == '"') {
        const int high = at(p + 1) == 'x' ? HexDigit(at(p + 2)) : -1;
        const int low = high >= 0 ? HexDigit(at(p + 3)) : -1;
        if (low >= 0) {
          scratch_.push_back(static_cast<char>(high * 16 + low));
          p += 3;
          continue;
        }
        if (p + 1 != end) {
          scratch_.push_back(Unescape(*++p));
          continue;
        }
      } else if (c == '\\' && at(p + 1) == '\'') {
        ++p;
        scratch_.push_back('\'');
        continue;
      }
      scratch_.push_back(c);
    }
    slots_.push_back(
        {static_cast<uint32_t>(offset), static_cast<uint32_t>(scratch_.size() - offset)});
  }
}

}  // namespace resprobe::resp
