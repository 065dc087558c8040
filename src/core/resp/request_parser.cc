#include "core/resp/request_parser.h"

#include <algorithm>
#include <cstring>

#include "core/resp/number.h"

namespace resprobe::resp {
namespace {

constexpr bool IsDigit(char c) { return static_cast<unsigned char>(c - '0') <= 9; }

// isspace() in the "C" locale.
constexpr bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

constexpr int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

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

}  // namespace

RequestParser::RequestParser(const RequestLimits& limits) : limits_(limits) {
  limits_.max_request = std::min<size_t>(limits_.max_request, 0xffffffff);
}

void RequestParser::Reset() {
  state_ = State::kIdle;
  offset_ = 0;
  bytes_.clear();
  slots_.clear();
  args_.clear();
  error_.text.clear();
  error_.offset = 0;
}

size_t RequestParser::memory_used() const {
  return bytes_.size() + scratch_.size() + slots_.size() * sizeof(Slot) +
         args_.size() * sizeof(std::string_view);
}

size_t RequestParser::memory_allocated() const {
  return bytes_.capacity() + scratch_.capacity() + slots_.capacity() * sizeof(Slot) +
         args_.capacity() * sizeof(std::string_view);
}

void RequestParser::Keep(Slice& in) {
  bytes_.Append(in.mark, static_cast<size_t>(in.p - in.mark));
  in.mark = in.p;
}

RequestParser::Step RequestParser::Fail(std::string_view text, uint32_t at) {
  state_ = State::kFailed;
  error_.text.assign(text);
  error_.offset = request_offset_ + at;
  return Step::kError;
}

RequestParser::Result RequestParser::Parse(std::string_view input) {
  if (state_ == State::kFailed) return {Status::kError, 0};
  args_.clear();
  const char* const begin = input.data();
  const char* const end = begin + input.size();
  Slice in{begin, end, begin};
  while (in.p != end) {
    if (state_ == State::kIdle) {
      bytes_.clear();
      scratch_.clear();
      slots_.clear();
      inline_ = *in.p != '*';
      state_ = inline_ ? State::kInline : State::kCount;
      stalled_ = false;
      line_ = 0;
      in.mark = in.p;
      request_offset_ = offset_ + static_cast<uint64_t>(in.p - begin);
    }
    // A request sees no more than the first byte that is too much.
    const size_t room = limits_.max_request + 1 - bytes_.size();
    const bool capped = static_cast<size_t>(end - in.p) >= room;
    in.end = capped ? in.p + room : end;
    Step step = Loop(in);
    if (step != Step::kError && capped && in.p == in.end) {
      step = Fail("", static_cast<uint32_t>(limits_.max_request));
    }
    switch (step) {
      case Step::kError:
        return {Status::kError, 0};
      case Step::kNeedMore:
        Keep(in);
        break;
      default:
        state_ = State::kIdle;
        if (slots_.empty()) break;  // asks for nothing
        if (bytes_.empty()) {
          Finish(in.mark);
        } else {
          Keep(in);
          Finish(bytes_.data());
        }
        offset_ += static_cast<uint64_t>(in.p - begin);
        return {Status::kRequest, static_cast<size_t>(in.p - begin)};
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

RequestParser::Step RequestParser::Loop(Slice& in) {
  for (;;) {
    Step step = Step::kNext;
    switch (state_) {
      case State::kInline:
        step = Line(in, '\n');
        break;
      case State::kCount:
        step = Line(in, '\r');
        break;
      case State::kBulkHeader: {
        // The form that clients send, when it lies in the input whole.
        const char* q = in.p + 1;
        if (in.end - in.p > 4 && At(in, in.p) == line_ && *in.p == '$' && IsDigit(*q)) {
          int64_t length = 0;
          for (; q != in.end && IsDigit(*q) && q - in.p < 10; ++q) length = length * 10 + *q - '0';
          if (in.end - q >= 2 && *q == '\r' && (in.p[1] != '0' || q == in.p + 2) &&
              length <= (authenticated_
                             ? limits_.max_bulk
                             : std::min(limits_.max_bulk, limits_.max_bulk_unauthenticated)) &&
              in.end - q - 2 >= length + 2) {
            slots_.push_back({At(in, q + 2), static_cast<uint32_t>(length)});
            in.p = q + 2 + length + 2;
            line_ = At(in, in.p);
            if (--args_left_ == 0) return Step::kRequest;
            break;
          }
        }
        step = Line(in, '\r');
        break;
      }
      case State::kBulk: {
        const auto take = std::min(bulk_left_, static_cast<uint64_t>(in.end - in.p));
        in.p += take;
        bulk_left_ -= take;
        if (bulk_left_ > 0) return Step::kNeedMore;
        if (--args_left_ == 0) return Step::kRequest;
        state_ = State::kBulkHeader;
        line_ = At(in, in.p);
        stalled_ = false;
        break;
      }
      default:
        return Step::kError;
    }
    if (step != Step::kNext) return step;
  }
}

// A line that ends at `stop`: LF for an inline request, CR and one byte whatever it is for the
// headers. As in the server, which looks for the end with strchr, a NUL hides it.
RequestParser::Step RequestParser::Line(Slice& in, char stop) {
  const uint32_t seen = At(in, in.p) - line_;
  // The server complains when it holds more than max_line bytes and no end among them.
  const size_t room = limits_.max_line + 1 - std::min<size_t>(seen, limits_.max_line + 1);
  const char* const last = in.p + std::min(room, static_cast<size_t>(in.end - in.p));
  const char* stop_at = nullptr;
  // The CR may have been the last byte of the slice before.
  const bool had_stop =
      stop == '\r' && seen > 0 && !stalled_ && bytes_[bytes_.size() - 1] == '\r' && in.p == in.mark;
  if (!had_stop && !stalled_) {
    const char* q = in.p;
    while (q != last && *q != stop && *q != 0) ++q;
    if (q != last && *q == 0) stalled_ = true;
    if (q != last && *q == stop) stop_at = q;
  }
  if (!had_stop && stop_at == nullptr) {
    if (static_cast<size_t>(last - in.p) == room) {
      return Fail(state_ == State::kInline  ? "Protocol error: too big inline request"
                  : state_ == State::kCount ? "Protocol error: too big mbulk count string"
                                            : "Protocol error: too big bulk count string",
                  line_);
    }
    in.p = in.end;
    return Step::kNeedMore;
  }
  uint32_t length;  // without the stop
  if (had_stop) {
    length = seen - 1;
    ++in.p;
  } else {
    length = At(in, stop_at) - line_;
    if (stop == '\r' && in.end - stop_at < 2) {
      in.p = in.end;
      return Step::kNeedMore;
    }
    in.p = stop_at + (stop == '\r' ? 2 : 1);
  }
  const char* text;
  if (line_ < bytes_.size()) {
    Keep(in);
    text = bytes_.data() + line_;
  } else {
    text = in.mark + (line_ - bytes_.size());
  }
  const std::string_view line(text, length);
  const uint32_t next = At(in, in.p);
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
    char quote = 0;
    for (;; ++p) {
      if (p == end) {
        if (quote != 0) return false;
        break;
      }
      const char c = *p;
      if (quote == 0) {
        // Of the white space, only these four end a word; \v and \f do not.
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
