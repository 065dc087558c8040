#include "core/resp/reply_parser.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/resp/number.h"
#include "core/resp/scan.h"

namespace resprobe::resp {
namespace {

constexpr bool IsDigit(char c) { return static_cast<unsigned char>(c - '0') <= 9; }

// Parses an unsigned length or count as the specification defines it. Values that need more than 32
// bits become 2^32. Returns the position of the first invalid byte, or text.size().
size_t ParseCount(std::string_view text, uint64_t* count) {
  uint64_t value = 0;
  size_t i = 0;
  for (; i < text.size() && IsDigit(text[i]); ++i) {
    if (i == 1 && text[0] == '0') break;
    value = std::min<uint64_t>(value * 10 + static_cast<uint64_t>(text[i] - '0'), 1ull << 32);
  }
  *count = value;
  return i;
}

constexpr bool IsLineText(char type) { return type == '+' || type == '-' || type == '('; }

}  // namespace

// Bytes are not copied token by token. The nodes refer to the bytes of the value as one stream:
// earlier calls have copied [0, base_) to the reply, and the rest is at mark_ in the input. At its
// end, a call appends what it consumed to the reply at once. Only a line that spans two slices is
// appended earlier, so that it is contiguous.

inline uint32_t ReplyParser::At(const char* p) const {
  return base_ + static_cast<uint32_t>(p - mark_);
}

inline uint32_t ReplyParser::NodeCount() const {
  return static_cast<uint32_t>(reply_.nodes_.size());
}

// Copies the bytes consumed so far to the reply.
inline void ReplyParser::Flush() {
  reply_.bytes_.Append(mark_, static_cast<size_t>(p_ - mark_));
  mark_ = p_;
  base_ = static_cast<uint32_t>(reply_.bytes_.size());
}

ReplyParser::Step ReplyParser::Fail(ParseErrorCode code, uint32_t at, char subject) {
  state_ = State::kFailed;
  quiet_until_ = 0;
  error_ = {code, value_offset_ + at, subject};
  return Step::kError;
}

// The fast paths do not handle a reply close to the memory limit, or streamed values.
inline void ReplyParser::SetCareful() {
  in_stream_ = open_ != kNone && (reply_.nodes_[open_].flags & Reply::kStreamed) != 0;
  careful_ = tight_ | in_chunks_ | in_stream_;
}

// Sets everything but the value.
inline void ReplyParser::Begin(Node* node, char type) {
  // Becomes one store; AddressSanitizer would check a store of each field.
  std::memset(node, 0, offsetof(Node, integer));
  node->type = static_cast<Type>(type);
}

inline Reply::Node* ReplyParser::Add(char type) {
  Node* node = reply_.nodes_.AddOne();
  Begin(node, type);
  return node;
}

inline void ReplyParser::AddText(char type, uint32_t at, uint32_t length) {
  Node* node = Add(type);
  node->text.offset = at;
  node->text.length = length;
}

inline void ReplyParser::AddWord(char type, int64_t value) { Add(type)->integer = value; }

inline Reply::Node* ReplyParser::AddNumber(char type, uint32_t at, size_t length) {
  Node* node = Add(type);
  node->text_length = static_cast<uint16_t>(length);
  node->link = at;
  return node;
}

// Opens an aggregate: `count` children follow, or a stream of them.
[[gnu::always_inline]] inline ReplyParser::Step ReplyParser::Open(char type, uint32_t at,
                                                                  uint32_t count, bool streamed) {
  if (count == 0 && !streamed) {
    Node* node = Add(type);
    node->children.count = 0;
    node->children.end = NodeCount();
    if (type == '|') return AttributeDone();
    return ValueDone();
  }
  if (depth_ == limits_.max_depth) return Fail(ParseErrorCode::kTooDeep, at, type);
  ++depth_;
  if (open_ != kNone) reply_.nodes_[open_].children.end = left_;
  Node* node = Add(type);
  if (streamed) node->flags = Reply::kStreamed;
  node->link = open_;
  node->children.count = count;
  node->children.end = 0;
  open_ = NodeCount() - 1;
  left_ = count;
  in_stream_ = streamed;
  careful_ = tight_ | streamed;
  return Step::kNext;
}

// Closes the innermost open aggregate.
inline Type ReplyParser::Close() {
  Node& node = reply_.nodes_[open_];
  node.children.end = NodeCount();
  open_ = node.link;
  if (open_ != kNone) left_ = reply_.nodes_[open_].children.end;
  --depth_;
  SetCareful();
  return node.type;
}

inline ReplyParser::Step ReplyParser::AttributeDone() {
  // Outside a stream, the count alone demands the annotated value.
  annotated_ = in_stream_;
  return Step::kNext;
}

// A value is complete; the aggregates around it may be, too.
[[gnu::always_inline]] inline ReplyParser::Step ReplyParser::ValueDone() {
  for (;;) {
    if (open_ == kNone) [[unlikely]]
      return Step::kValue;
    if (--left_ != 0 || in_stream_) return Step::kNext;
    if (Close() == Type::kAttribute) return AttributeDone();
  }
}

// Handles the forms that servers commonly send, when the whole token is in the input. Token()
// handles everything else, and every error.
ReplyParser::Step ReplyParser::Loop() {
  // Local, except for Token(): AddressSanitizer checks each access to a member.
  const char* p = p_;
  const char* const end = end_;
  while (p != end) {
    Step step;
    const char type = *p;
    const char* q = p + 1;
    if (careful_) [[unlikely]]
      goto slow;
    switch (type) {
      case '$': {
        uint32_t length;
        if (!scan::Count(q, end, length)) {
          if (!scan::MinusOne(q, end)) goto slow;
          AddWord('_', static_cast<int64_t>(NullKind::kBulk));
          p = q;
          step = ValueDone();
          break;
        }
        if (end - q < static_cast<ptrdiff_t>(length) + 2) goto slow;
        if (q[length] != '\r' || q[length + 1] != '\n') goto slow;
        if (length > limits_.max_bulk) goto slow;
        AddText(type, At(q), length);
        p = q + length + 2;
        step = ValueDone();
        break;
      }
      case ':': {
        int64_t value;
        if (!scan::Integer(q, end, value)) goto slow;
        AddNumber(type, At(p + 1), static_cast<size_t>(q - p - 3))->integer = value;
        p = q;
        step = ValueDone();
        break;
      }
      case '+':
      case '-': {
        q = scan::LineEnd(q, end);
        if (end - q < 2 || q[0] != '\r' || q[1] != '\n') goto slow;
        const auto length = static_cast<size_t>(q - p - 1);
        if (length > limits_.max_bulk) goto slow;
        AddText(type, At(p + 1), static_cast<uint32_t>(length));
        p = q + 2;
        step = ValueDone();
        break;
      }
      case '>':
        if (open_ != kNone) goto slow;
        [[fallthrough]];
      case '*':
      case '~':
      case '%': {
        uint32_t count;
        if (!scan::Count(q, end, count)) goto slow;
        if (count > limits_.max_elements) goto slow;
        const uint32_t at = At(p);
        p = q;
        step = Open(type, at, type == '%' ? 2 * count : count, false);
        break;
      }
      case '_':
        if (end - q < 2 || q[0] != '\r' || q[1] != '\n') goto slow;
        AddWord(type, static_cast<int64_t>(NullKind::kResp3));
        p = q + 2;
        step = ValueDone();
        break;
      case '#':
        if (end - q < 3 || (q[0] != 't' && q[0] != 'f') || q[1] != '\r' || q[2] != '\n') goto slow;
        AddWord(type, q[0] == 't');
        p = q + 3;
        step = ValueDone();
        break;
      default:
      slow:
        p_ = p;
        step = Token();
        p = p_;
    }
    if (step != Step::kNext) {
      p_ = p;
      return step;
    }
  }
  p_ = p;
  token_offset_ = value_offset_ + At(p);
  return Step::kNeedMore;
}

// Handles the token at p_, of any kind, complete or not.
ReplyParser::Step ReplyParser::Token() {
  const uint32_t at = At(p_);
  const char type = *p_;
  const bool annotated = annotated_;
  if (in_chunks_) {
    if (type != ';') return Fail(ParseErrorCode::kBadChunk, at, type);
  } else {
    switch (type) {
      case '+':
      case '-':
      case ':':
      case '$':
      case '*':
      case '_':
      case '#':
      case ',':
      case '(':
      case '!':
      case '=':
      case '%':
      case '~':
      case '|':
        if (in_stream_ && left_ == 0) return Fail(ParseErrorCode::kTooManyElements, at, type);
        break;
      case '>':
        if (open_ != kNone) return Fail(ParseErrorCode::kNestedPush, at, type);
        break;
      case '.':
        if (!in_stream_) return Fail(ParseErrorCode::kUnknownType, at, type);
        if (annotated || (reply_.nodes_[open_].type == Type::kMap && left_ % 2 != 0)) {
          return Fail(ParseErrorCode::kBadStreamEnd, at, type);
        }
        break;
      default:
        return Fail(ParseErrorCode::kUnknownType, at, type);
    }
    annotated_ = false;
  }
  const char* const line = p_;
  const void* lf = std::memchr(p_, '\n', static_cast<size_t>(end_ - p_));
  if (lf == nullptr) {
    p_ = end_;
    token_offset_ = value_offset_ + at;
    return Unfinished(line, end_, at);
  }
  p_ = static_cast<const char*>(lf) + 1;
  return Line(line, p_ - 1, at);
}

// Checks an incomplete line, of which [line, end) has arrived; only its length can be wrong yet.
ReplyParser::Step ReplyParser::Unfinished(const char* line, const char* end, uint32_t at) {
  const char type = *line;
  const auto size = static_cast<uint64_t>(end - line);
  const bool is_text = IsLineText(type);
  // The last byte may be a CR, which does not count.
  const uint64_t longest =
      is_text ? uint64_t{limits_.max_bulk} + 2 : uint64_t{limits_.max_line} + 1;
  const uint64_t used = uint64_t{NodeCount()} * sizeof(Node) + at;
  const uint64_t room = limits_.max_memory - std::min<uint64_t>(used, limits_.max_memory);
  // Checks for the lowest limit, so that the slicing of the input does not matter.
  if (size <= std::min(longest, room)) {
    quiet_until_ = value_offset_ + at + std::min(longest, room);
    return Step::kNeedMore;
  }
  if (room < longest) {
    return Fail(ParseErrorCode::kTooMuchMemory, at + static_cast<uint32_t>(room), type);
  }
  if (is_text) return Fail(ParseErrorCode::kBulkTooLong, at + 1 + limits_.max_bulk, type);
  return Fail(ParseErrorCode::kLineTooLong, at + limits_.max_line, type);
}

// Handles a complete line [line, lf], which starts at byte `at` of the value.
ReplyParser::Step ReplyParser::Line(const char* line, const char* lf, uint32_t at) {
  const char type = *line;
  const Step step = Unfinished(line, lf, at);
  if (step == Step::kError) return step;
  quiet_until_ = 0;
  const auto size = static_cast<uint32_t>(lf - line);
  if (size < 2 || lf[-1] != '\r') {
    return Fail(ParseErrorCode::kBadLineEnd, at + size, type);
  }
  const std::string_view text(line + 1, size - 2);
  if (uint64_t{NodeCount() + 1} * sizeof(Node) + at + size + 1 > limits_.max_memory) {
    return Fail(ParseErrorCode::kTooMuchMemory, at + size, type);
  }
  switch (type) {
    case '+':
    case '-':
    case '(':
      return LineText(type, text, at);
    case ':':
    case ',':
      return Number(type, text, at);
    case '_':
      if (!text.empty()) return Fail(ParseErrorCode::kBadNull, at + 1, type);
      AddWord(type, static_cast<int64_t>(NullKind::kResp3));
      return ValueDone();
    case '#':
      if (text != "t" && text != "f") return Fail(ParseErrorCode::kBadBoolean, at + 1, type);
      AddWord(type, text == "t");
      return ValueDone();
    case '$':
    case '!':
    case '=':
    case ';':
      return BulkHeader(type, text, at);
    case '.':
      return StreamEnd(text, at);
    default:
      return AggregateHeader(type, text, at);
  }
}

ReplyParser::Step ReplyParser::LineText(char type, std::string_view text, uint32_t at) {
  if (type == '(') {
    size_t i = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
    const size_t first = i;
    while (i < text.size() && IsDigit(text[i])) ++i;
    if (i == first || i != text.size()) {
      return Fail(ParseErrorCode::kBadBigNumber, at + 1 + static_cast<uint32_t>(i), type);
    }
  } else if (const size_t cr = text.find('\r'); cr != text.npos) {
    return Fail(ParseErrorCode::kBadLineEnd, at + 1 + static_cast<uint32_t>(cr), type);
  }
  AddText(type, at + 1, static_cast<uint32_t>(text.size()));
  return ValueDone();
}

ReplyParser::Step ReplyParser::Number(char type, std::string_view text, uint32_t at) {
  if (type == ':') {
    int64_t value = 0;
    const NumberResult result = ParseInteger(text, &value);
    if (!result.ok) {
      return Fail(ParseErrorCode::kBadInteger, at + 1 + static_cast<uint32_t>(result.bad), type);
    }
    AddNumber(type, at + 1, text.size())->integer = value;
  } else {
    double value = 0;
    const NumberResult result = ParseDouble(text, &value);
    if (!result.ok) {
      return Fail(ParseErrorCode::kBadDouble, at + 1 + static_cast<uint32_t>(result.bad), type);
    }
    AddNumber(type, at + 1, text.size())->real = value;
  }
  return ValueDone();
}

ReplyParser::Step ReplyParser::BulkHeader(char type, std::string_view text, uint32_t at) {
  const uint32_t body = At(p_);
  if (type == '$' && text == "-1") {
    AddWord('_', static_cast<int64_t>(NullKind::kBulk));
    return ValueDone();
  }
  if (type == '$' && text == "?") {
    Node* node = Add(type);
    node->flags = Reply::kStreamed;
    node->text.offset = body;
    node->text.length = 0;
    in_chunks_ = true;
    careful_ = true;
    return Step::kNext;
  }
  uint64_t length;
  if (const size_t bad = ParseCount(text, &length); text.empty() || bad != text.size()) {
    return Fail(ParseErrorCode::kBadLength, at + 1 + static_cast<uint32_t>(bad), type);
  }
  uint64_t whole = length;
  if (type == ';') {
    whole += reply_.nodes_.back().text.length;
    if (length == 0) {
      in_chunks_ = false;
      SetCareful();
      return ValueDone();
    }
  }
  if (whole > limits_.max_bulk) return Fail(ParseErrorCode::kBulkTooLong, at + 1, type);
  const uint64_t nodes = NodeCount() + (type == ';' ? 0 : 1);
  if (nodes * sizeof(Node) + body + length + 2 > limits_.max_memory) {
    return Fail(ParseErrorCode::kTooMuchMemory, at + 1, type);
  }
  if (type == ';') {
    chunk_ = static_cast<uint32_t>(length);
  } else {
    AddText(type, body, static_cast<uint32_t>(length));
  }
  bulk_end_ = value_offset_ + body + length + 2;
  return Bulk();
}

// Handles the rest of a bulk and its CRLF.
ReplyParser::Step ReplyParser::Bulk() {
  uint64_t left = bulk_end_ - value_offset_ - At(p_);
  if (left > 2) {
    const uint64_t take = std::min<uint64_t>(left - 2, static_cast<uint64_t>(end_ - p_));
    p_ += take;
    left -= take;
  }
  for (; left > 0; --left, ++p_) {
    if (p_ == end_) {
      quiet_until_ = bulk_end_ - 2;
      state_ = State::kBulk;
      const uint64_t size = in_chunks_ ? chunk_ : reply_.nodes_.back().text.length;
      token_offset_ = bulk_end_ - 2 - size;
      return Step::kNeedMore;
    }
    if (*p_ != (left == 2 ? '\r' : '\n')) {
      const char type = in_chunks_ ? ';' : static_cast<char>(reply_.nodes_.back().type);
      return Fail(ParseErrorCode::kBadBulkEnd, At(p_), type);
    }
  }
  state_ = State::kToken;
  return BulkDone();
}

ReplyParser::Step ReplyParser::BulkDone() {
  Node& node = reply_.nodes_.back();
  if (in_chunks_) {
    // Joins the chunks in the reply.
    Flush();
    char* const bytes = reply_.bytes_.data();
    std::memmove(bytes + node.text.offset + node.text.length, bytes + base_ - 2 - chunk_, chunk_);
    node.text.length += chunk_;
    return Step::kNext;
  }
  if (node.type == Type::kVerbatimString) {
    if (node.text.length < 4) {
      return Fail(ParseErrorCode::kBadVerbatim, node.text.offset + node.text.length, '=');
    }
    const uint32_t colon = node.text.offset + 3;
    const char c = colon < base_ ? reply_.bytes_[colon] : mark_[colon - base_];
    if (c != ':') return Fail(ParseErrorCode::kBadVerbatim, colon, '=');
  }
  return ValueDone();
}

ReplyParser::Step ReplyParser::AggregateHeader(char type, std::string_view text, uint32_t at) {
  if (type == '*' && text == "-1") {
    AddWord('_', static_cast<int64_t>(NullKind::kArray));
    return ValueDone();
  }
  const uint32_t each = type == '%' || type == '|' ? 2 : 1;
  if (text == "?" && type != '|' && type != '>') {
    // A stream counts down from the largest count allowed.
    return Open(type, at, limits_.max_elements * each, true);
  }
  uint64_t count;
  if (const size_t bad = ParseCount(text, &count); text.empty() || bad != text.size()) {
    return Fail(ParseErrorCode::kBadLength, at + 1 + static_cast<uint32_t>(bad), type);
  }
  if (count > limits_.max_elements) return Fail(ParseErrorCode::kTooManyElements, at + 1, type);
  return Open(type, at, static_cast<uint32_t>(count) * each, false);
}

ReplyParser::Step ReplyParser::StreamEnd(std::string_view text, uint32_t at) {
  if (!text.empty()) return Fail(ParseErrorCode::kBadStreamEnd, at + 1, '.');
  reply_.nodes_[open_].children.count -= left_;
  Close();
  return ValueDone();
}

// Resumes where the last slice ended.
ReplyParser::Step ReplyParser::Resume() {
  if (state_ == State::kBulk) return Bulk();
  const auto token = static_cast<uint32_t>(token_offset_ - value_offset_);
  if (token == base_) return Step::kNext;
  // Inside a line.
  const void* lf = std::memchr(p_, '\n', static_cast<size_t>(end_ - p_));
  p_ = lf == nullptr ? end_ : static_cast<const char*>(lf) + 1;
  Flush();
  const char* line = reply_.bytes_.data() + token;
  if (lf == nullptr) return Unfinished(line, reply_.bytes_.data() + base_, token);
  return Line(line, reply_.bytes_.data() + base_ - 1, token);
}

// A call of Parse() that its own fast path does not cover.
ReplyParser::Result ReplyParser::Run(std::string_view input) {
  p_ = mark_ = input.data();
  end_ = p_ + input.size();
  quiet_until_ = 0;
  Step step = Step::kNext;
  if (state_ == State::kIdle) {
    reply_.Clear();
    state_ = State::kToken;
    value_offset_ = token_offset_ = offset_;
    base_ = 0;
    tight_ = input.size() > limits_.max_memory / 8;
    careful_ = tight_;
  } else {
    base_ = static_cast<uint32_t>(reply_.bytes_.size());
    // A node takes 16 bytes and represents at least 3 bytes on the wire.
    if (!tight_ && base_ + input.size() > limits_.max_memory / 8) tight_ = careful_ = true;
    step = Resume();
  }
  if (step == Step::kNext) step = Loop();
  Flush();
  if (step == Step::kError) return {Status::kError, 0};
  const auto consumed = static_cast<size_t>(p_ - input.data());
  offset_ += consumed;
  if (step == Step::kValue) {
    reply_.whole_ = true;
    state_ = State::kIdle;
    return {Status::kValue, consumed};
  }
  if (open_ != kNone) reply_.nodes_[open_].children.end = left_;
  return {Status::kNeedMore, consumed};
}

ReplyParser::ReplyParser(const ReplyLimits& limits) : limits_(limits) {
  limits_.max_elements = std::min(limits_.max_elements, 0x7fffffffu);
  limits_.max_memory = std::max(limits_.max_memory, 128u);
  limits_.max_line = std::clamp(limits_.max_line, 32u, 65535u);
  // A number and its node fit any limit: max_memory has a minimum.
  scalar_limit_ = std::min(limits_.max_bulk, limits_.max_memory - 64);
}

inline void ReplyParser::StartWithText(char type, const char* text, uint32_t length,
                                       const char* end) {
  reply_.bytes_.StartWith(text, length, end);
  Reply::Node* const node = reply_.nodes_.StartWithOne();
  Begin(node, type);
  node->text.offset = 0;
  node->text.length = length;
}

inline ReplyParser::Result ReplyParser::ScalarDone(ptrdiff_t size) {
  reply_.whole_ = true;
  offset_ += static_cast<uint64_t>(size);
  return {Status::kValue, static_cast<size_t>(size)};
}

// Inside a value. A small piece of an unfinished bulk or line is only stored.
ReplyParser::Result ReplyParser::Continue(std::string_view input) {
  if (offset_ + input.size() <= quiet_until_) {
    if (input.size() == 1) {
      if (*input.data() != '\n' || state_ == State::kBulk) {
        reply_.bytes_.push_back(*input.data());
        ++offset_;
        return {Status::kNeedMore, 1};
      }
    } else if (state_ == State::kBulk || std::memchr(input.data(), '\n', input.size()) == nullptr) {
      reply_.bytes_.Append(input.data(), input.size());
      offset_ += input.size();
      return {Status::kNeedMore, input.size()};
    }
  }
  if (state_ == State::kFailed) return {Status::kError, 0};
  return Run(input);
}

// Most replies are one small value that arrives at once. This path skips the state that an
// aggregate needs.
ReplyParser::Result ReplyParser::Parse(std::string_view input) {
  if (input.empty()) return {state_ == State::kFailed ? Status::kError : Status::kNeedMore, 0};
  if (state_ != State::kIdle) return Continue(input);
  const char* const begin = input.data();
  const char* const end = begin + input.size();
  const char* p = begin + 1;
  switch (*begin) {
    case ':': {
      int64_t value;
      if (!scan::Integer(p, end, value)) break;
      reply_.bytes_.StartWith(begin + 1, static_cast<size_t>(p - begin - 3), end);
      Reply::Node* const node = reply_.nodes_.StartWithOne();
      node->type = Type::kInteger;
      node->flags = 0;
      node->text_length = static_cast<uint16_t>(p - begin - 3);
      node->link = 0;
      node->integer = value;
      return ScalarDone(p - begin);
    }
    case '$': {
      uint32_t length;
      if (!scan::Count(p, end, length) || length > scalar_limit_) break;
      if (end - p < static_cast<ptrdiff_t>(length) + 2 || !scan::IsCrLf(p + length)) break;
      StartWithText(*begin, p, length, end);
      return ScalarDone(p + length + 2 - begin);
    }
    case '+':
    case '-': {
      const char* const q = scan::LineEnd(p, end);
      if (end - q < 2 || !scan::IsCrLf(q)) break;
      const auto length = static_cast<size_t>(q - p);
      if (length > scalar_limit_) break;
      StartWithText(*begin, p, static_cast<uint32_t>(length), end);
      return ScalarDone(q + 2 - begin);
    }
    default:
      break;
  }
  return Run(input);
}

void ReplyParser::Reset() {
  // The start of a value sets the rest.
  state_ = State::kIdle;
  in_chunks_ = in_stream_ = annotated_ = false;
  open_ = kNone;
  left_ = depth_ = 0;
  offset_ = quiet_until_ = 0;
  error_ = {};
  reply_.Clear();
}

void ReplyParser::Take(Reply* out) {
  if (!reply_.whole_) return out->Clear();
  *out = std::move(reply_);  // swaps the buffers
  reply_.Clear();
}

std::string ParseError::message() const {
  const std::string type(TypeName(static_cast<Type>(subject)));
  switch (code) {
    case ParseErrorCode::kNone:
      return "no error";
    case ParseErrorCode::kUnknownType: {
      std::string message = "expected a type byte, got '";
      AppendEscaped(&message, {&subject, 1});
      return message + "'";
    }
    case ParseErrorCode::kBadLength:
      return "expected a length without sign or leading zero, then CRLF";
    case ParseErrorCode::kBadInteger:
      return "expected an integer of 64 bits, then CRLF";
    case ParseErrorCode::kBadDouble:
      return "expected a double, inf, -inf or nan, then CRLF";
    case ParseErrorCode::kBadBoolean:
      return "expected #t or #f, then CRLF";
    case ParseErrorCode::kBadNull:
      return "expected CRLF after _";
    case ParseErrorCode::kBadBigNumber:
      return "expected decimal digits, then CRLF";
    case ParseErrorCode::kBadVerbatim:
      return "expected a format of three bytes and a colon";
    case ParseErrorCode::kBadLineEnd:
      return "expected CRLF at the end of the line and neither CR nor LF inside it";
    case ParseErrorCode::kBadBulkEnd:
      return "expected CRLF after the bytes of the " +
             (subject == ';' ? std::string("chunk") : type);
    case ParseErrorCode::kBadChunk:
      return "expected a chunk (;) of the streamed string";
    case ParseErrorCode::kBadStreamEnd:
      return "expected a value, or the end of the stream (.) where it can stand";
    case ParseErrorCode::kNestedPush:
      return "expected a value: a push stands outside all other values";
    case ParseErrorCode::kTooDeep:
      return "expected less nesting: too many aggregates are open (max_depth)";
    case ParseErrorCode::kTooManyElements:
      return "expected fewer elements (max_elements)";
    case ParseErrorCode::kBulkTooLong:
      return "expected a shorter text (max_bulk)";
    case ParseErrorCode::kLineTooLong:
      return "expected CRLF within the longest line (max_line)";
    case ParseErrorCode::kTooMuchMemory:
      return "expected a smaller reply (max_memory)";
  }
  return "unknown error";
}

}  // namespace resprobe::resp
