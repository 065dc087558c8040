#include "worlds/resp/resp_reading.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <system_error>

namespace resprobe {
namespace {

using resp::NullKind;
using resp::ParseErrorCode;
using resp::Type;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool AreDigits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, IsDigit);
}

// A length or count without sign or leading zeros; what does not fit 64 bits becomes the greatest.
// Returns the position of the first byte that is wrong, or npos.
size_t ReadCount(std::string_view text, uint64_t* count) {
  const size_t wrong = static_cast<size_t>(std::ranges::find_if_not(text, IsDigit) - text.begin());
  if (wrong == 0) return 0;
  if (text[0] == '0' && text.size() > 1) return 1;
  if (wrong < text.size()) return wrong;
  if (std::from_chars(text.data(), text.data() + text.size(), *count).ec != std::errc()) {
    *count = UINT64_MAX;
  }
  return std::string_view::npos;
}

// [+-]digits within 64 bits.
bool ReadInteger(std::string_view text, int64_t* integer) {
  const bool plus = text.starts_with('+');
  if (plus) text.remove_prefix(1);
  if (!AreDigits(!plus && text.starts_with('-') ? text.substr(1) : text)) return false;
  return std::from_chars(text.data(), text.data() + text.size(), *integer).ec == std::errc();
}

bool ReadDouble(std::string_view text, double* real) {
  if (text == "inf" || text == "-inf") {
    *real = text[0] == '-' ? -HUGE_VAL : HUGE_VAL;
    return true;
  }
  if (text == "nan" || text == "-nan") {
    *real = std::nan("");
    return true;
  }
  std::string_view rest = text;
  if (rest.starts_with('+') || rest.starts_with('-')) rest.remove_prefix(1);
  const size_t e = std::min(rest.find_first_of("eE"), rest.size());
  std::string_view mantissa = rest.substr(0, e);
  if (const size_t point = mantissa.find('.'); point != std::string_view::npos) {
    if (point + 1 < mantissa.size() && !AreDigits(mantissa.substr(point + 1))) return false;
    mantissa = mantissa.substr(0, point);
  }
  if (!AreDigits(mantissa)) return false;
  if (e < rest.size()) {
    std::string_view exponent = rest.substr(e + 1);
    if (exponent.starts_with('+') || exponent.starts_with('-')) exponent.remove_prefix(1);
    if (!AreDigits(exponent)) return false;
  }
  *real = std::strtod(std::string(text).c_str(), nullptr);
  return !std::isinf(*real);
}

class ReplyReader {
 public:
  ReplyReader(std::string_view bytes, const resp::ReplyLimits& limits)
      : bytes_(bytes), limits_(limits) {}

  RepliesReading Run() {
    while (at_ < bytes_.size()) {
      reading_.values.emplace_back();
      if (!Read(0, nullptr)) {
        reading_.values.pop_back();
        reading_.idle = false;
        break;
      }
      reading_.values.back().end = reading_.offset = at_;
    }
    return std::move(reading_);
  }

 private:
  // What is around a value: the elements of an aggregate, so far.
  struct Around {
    char type;
    bool streamed;
    uint64_t most;  // elements of a stream
    uint64_t count = 0;
    bool annotated = false;  // an attribute has ended
  };

  bool Fail(ParseErrorCode code, uint64_t offset) {
    reading_.code = code;
    reading_.offset = offset;
    return false;
  }
  // The rest has not come yet.
  bool More(uint64_t token) {
    reading_.offset = token;
    return false;
  }
  RespReadNode& Add(Type type) {
    std::vector<RespReadNode>& nodes = reading_.values.back().nodes;
    nodes.push_back({.type = type});
    return nodes.back();
  }
  RespReadNode& NodeAt(size_t index) { return reading_.values.back().nodes[index]; }
  size_t NodeCount() const { return reading_.values.back().nodes.size(); }

  // Reads the line that begins at at_: its text, without the type and CRLF.
  bool Line(std::string_view* text) {
    const size_t begin = at_;
    const char type = bytes_[begin];
    const size_t lf = bytes_.find('\n', begin);
    const size_t size = std::min(lf, bytes_.size()) - begin;
    // The CR may be there already, and does not count.
    const bool is_text = type == '+' || type == '-' || type == '(';
    const uint64_t most = is_text ? 1 + uint64_t{limits_.max_bulk} : uint64_t{limits_.max_line};
    if (size > most + 1) {
      return Fail(is_text ? ParseErrorCode::kBulkTooLong : ParseErrorCode::kLineTooLong,
                  begin + most);
    }
    if (lf == std::string_view::npos) return More(begin);
    if (size < 2 || bytes_[lf - 1] != '\r') return Fail(ParseErrorCode::kBadLineEnd, lf);
    *text = bytes_.substr(begin + 1, size - 2);
    at_ = lf + 1;
    return true;
  }

  // Reads `length` bytes and their CRLF.
  bool Bulk(uint64_t length, std::string_view* bulk) {
    const size_t begin = at_;
    const size_t left = bytes_.size() - begin;
    if (left < length) return More(begin);
    for (size_t i = 0; i < 2; ++i) {
      if (left == length + i) return More(begin);
      if (bytes_[begin + length + i] != "\r\n"[i]) {
        return Fail(ParseErrorCode::kBadBulkEnd, begin + length + i);
      }
    }
    *bulk = bytes_.substr(begin, length);
    at_ = begin + length + 2;
    return true;
  }

  // Reads attributes and the value that they annotate, or the end of a stream. `around`: nullptr
  // for a top-level value. *ended: set if it was the end of the stream.
  bool Read(uint32_t depth, Around* around, bool* ended = nullptr) {
    for (;;) {
      const size_t begin = at_;
      if (begin == bytes_.size()) return More(begin);
      const char type = bytes_[begin];
      if (type == '.' && around != nullptr && around->streamed) {
        if (around->annotated || (around->type == '%' && around->count % 2 != 0)) {
          return Fail(ParseErrorCode::kBadStreamEnd, begin);
        }
        std::string_view text;
        if (!Line(&text)) return false;
        if (!text.empty()) return Fail(ParseErrorCode::kBadStreamEnd, begin + 1);
        *ended = true;
        return true;
      }
      constexpr std::string_view kTypes = "+-:$*_#,(!=%~|>";
      if (kTypes.find(type) == std::string_view::npos) {
        return Fail(ParseErrorCode::kUnknownType, begin);
      }
      if (type == '>' && around != nullptr) return Fail(ParseErrorCode::kNestedPush, begin);
      if (around != nullptr && around->streamed) {
        if (around->count == around->most) return Fail(ParseErrorCode::kTooManyElements, begin);
        around->annotated = type == '|';
      }
      if (!One(type, begin, depth)) return false;
      if (type != '|') return true;
    }
  }

  bool One(char type, size_t begin, uint32_t depth) {
    std::string_view text;
    if (!Line(&text)) return false;
    const uint64_t after_type = begin + 1;
    switch (type) {
      case '+':
      case '-':
        if (const size_t cr = text.find('\r'); cr != std::string_view::npos) {
          return Fail(ParseErrorCode::kBadLineEnd, after_type + cr);
        }
        Add(static_cast<Type>(type)).text = text;
        return true;
      case '(': {
        const size_t sign = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
        const size_t wrong =
            sign + static_cast<size_t>(std::ranges::find_if_not(text.substr(sign), IsDigit) -
                                       text.substr(sign).begin());
        if (wrong == sign || wrong < text.size()) {
          return Fail(ParseErrorCode::kBadBigNumber, after_type + wrong);
        }
        Add(Type::kBigNumber).text = text;
        return true;
      }
      case ':': {
        RespReadNode& node = Add(Type::kInteger);
        node.text = text;
        return ReadInteger(text, &node.integer) || Fail(ParseErrorCode::kBadInteger, after_type);
      }
      case ',': {
        RespReadNode& node = Add(Type::kDouble);
        node.text = text;
        return ReadDouble(text, &node.real) || Fail(ParseErrorCode::kBadDouble, after_type);
      }
      case '_':
        if (!text.empty()) return Fail(ParseErrorCode::kBadNull, after_type);
        Add(Type::kNull).null = NullKind::kResp3;
        return true;
      case '#':
        if (text != "t" && text != "f") return Fail(ParseErrorCode::kBadBoolean, after_type);
        Add(Type::kBoolean).integer = text == "t" ? 1 : 0;
        return true;
      case '$':
      case '!':
      case '=':
        return String(type, text, after_type);
      default:
        return Aggregate(type, text, begin, depth);
    }
  }

  bool String(char type, std::string_view text, uint64_t after_type) {
    if (type == '$' && text == "-1") {
      Add(Type::kNull).null = NullKind::kBulk;
      return true;
    }
    if (type == '$' && text == "?") return Chunks();
    uint64_t length = 0;
    const size_t wrong = ReadCount(text, &length);
    if (wrong != std::string_view::npos) {
      return Fail(ParseErrorCode::kBadLength, after_type + wrong);
    }
    if (length > limits_.max_bulk) return Fail(ParseErrorCode::kBulkTooLong, after_type);
    const size_t body = at_;
    std::string_view bulk;
    if (!Bulk(length, &bulk)) return false;
    RespReadNode& node = Add(static_cast<Type>(type));
    node.text = bulk;
    if (type != '=') return true;
    if (length < 4) return Fail(ParseErrorCode::kBadVerbatim, body + length);
    if (bulk[3] != ':') return Fail(ParseErrorCode::kBadVerbatim, body + 3);
    node.format = bulk.substr(0, 3);
    node.text = bulk.substr(4);
    return true;
  }

  bool Chunks() {
    const size_t index = NodeCount();
    Add(Type::kBulkString).streamed = true;
    for (;;) {
      const size_t begin = at_;
      if (begin == bytes_.size()) return More(begin);
      if (bytes_[begin] != ';') return Fail(ParseErrorCode::kBadChunk, begin);
      std::string_view text;
      if (!Line(&text)) return false;
      uint64_t length = 0;
      const size_t wrong = ReadCount(text, &length);
      if (wrong != std::string_view::npos) {
        return Fail(ParseErrorCode::kBadLength, begin + 1 + wrong);
      }
      if (length == 0) return true;
      if (length > limits_.max_bulk - NodeAt(index).text.size()) {
        return Fail(ParseErrorCode::kBulkTooLong, begin + 1);
      }
      std::string_view bulk;
      if (!Bulk(length, &bulk)) return false;
      NodeAt(index).text.append(bulk);
    }
  }

  bool Aggregate(char type, std::string_view text, size_t begin, uint32_t depth) {
    if (type == '*' && text == "-1") {
      Add(Type::kNull).null = NullKind::kArray;
      return true;
    }
    const uint64_t each = type == '%' || type == '|' ? 2 : 1;
    Around inside{.type = type,
                  .streamed = text == "?" && type != '|' && type != '>',
                  .most = limits_.max_elements * each};
    uint64_t count = 0;
    if (!inside.streamed) {
      const size_t wrong = ReadCount(text, &count);
      if (wrong != std::string_view::npos) {
        return Fail(ParseErrorCode::kBadLength, begin + 1 + wrong);
      }
      if (count > limits_.max_elements) return Fail(ParseErrorCode::kTooManyElements, begin + 1);
    }
    if ((inside.streamed || count > 0) && depth == limits_.max_depth) {
      return Fail(ParseErrorCode::kTooDeep, begin);
    }
    const size_t index = NodeCount();
    Add(static_cast<Type>(type)).streamed = inside.streamed;
    bool ended = false;
    while (inside.streamed ? !ended : inside.count < count * each) {
      if (!Read(depth + 1, &inside, &ended)) return false;
      if (!ended) ++inside.count;
    }
    NodeAt(index).children = inside.count;
    return true;
  }

  const std::string_view bytes_;
  const resp::ReplyLimits& limits_;
  size_t at_ = 0;
  RepliesReading reading_;
};

// --- Requests.

// isspace() in the "C" locale.
bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

int HexValue(char c) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const char lower = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  const size_t at = kDigits.find(lower);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

// Splits a line into arguments: white space separates, quotes join, "..." has escapes, and '...'
// has \' alone. False if a quote is not closed, or text follows a closing one.
bool SplitLine(std::string_view line, std::vector<std::string>* args) {
  size_t at = 0;
  for (;;) {
    while (at < line.size() && IsSpace(line[at])) ++at;
    if (at == line.size()) return true;
    std::string& word = args->emplace_back();
    bool ended = false;
    while (!ended && at < line.size()) {
      const char c = line[at++];
      constexpr std::string_view kSeparators = " \n\r\t";
      if (c == '"' || c == '\'') {
        bool closed = false;
        while (!closed && at < line.size()) {
          const char in = line[at++];
          const char next = at < line.size() ? line[at] : '\0';
          if (in == c) {
            closed = true;
          } else if (in != '\\' || at == line.size()) {
            word += in;
          } else if (c == '\'') {
            word += next == '\'' ? '\'' : '\\';
            if (next == '\'') ++at;
          } else if (next == 'x' && at + 2 < line.size() && HexValue(line[at + 1]) >= 0 &&
                     HexValue(line[at + 2]) >= 0) {
            word += static_cast<char>(HexValue(line[at + 1]) * 16 + HexValue(line[at + 2]));
            at += 3;
          } else {
            constexpr std::string_view kNames = "nrtba";
            constexpr std::string_view kBytes = "\n\r\t\b\a";
            const size_t name = kNames.find(next);
            word += name == std::string_view::npos ? next : kBytes[name];
            ++at;
          }
        }
        if (!closed || (at < line.size() && !IsSpace(line[at]))) return false;
        ended = true;
      } else if (kSeparators.find(c) != std::string_view::npos) {
        ended = true;
      } else {
        word += c;
      }
    }
  }
}

class RequestReader {
 public:
  RequestReader(std::string_view bytes, const resp::RequestLimits& limits, bool authenticated)
      : bytes_(bytes), limits_(limits), authenticated_(authenticated) {}

  RequestsReading Run() {
    size_t begin = 0;
    for (;;) {
      // Of a request at most one byte beyond its limit is looked at.
      const std::string_view rest = bytes_.substr(begin);
      seen_ = rest.substr(0, limits_.max_request + 1);
      if (seen_.empty()) break;
      at_ = 0;
      args_.clear();
      const bool whole = seen_[0] == '*' ? Multibulk() : Inline();
      const bool too_long = seen_.size() > limits_.max_request && (!whole || at_ == seen_.size());
      if (!reading_.failed && too_long) Fail("", limits_.max_request);
      if (reading_.failed) {
        reading_.offset += begin;
        break;
      }
      if (!whole) break;
      begin += at_;
      if (args_.empty()) {
        ++reading_.skipped;
      } else {
        reading_.requests.push_back({std::move(args_), begin, reading_.skipped});
        reading_.skipped = 0;
      }
    }
    return std::move(reading_);
  }

 private:
  bool Fail(std::string_view text, size_t at) {
    reading_.failed = true;
    reading_.error = text;
    reading_.offset = at;
    return false;
  }

  // Finds the byte that ends the line from at_ on. A NUL before it hides it.
  bool Find(char stop, std::string_view too_long, size_t* found) {
    const std::string_view line = seen_.substr(at_, limits_.max_line + 1);
    const char stops[] = {stop, '\0'};
    const size_t end = line.find_first_of(std::string_view(stops, 2));
    if (end == std::string_view::npos || line[end] == '\0') {
      return line.size() > limits_.max_line ? Fail(too_long, at_) : false;
    }
    *found = at_ + end;
    return true;
  }

  bool Inline() {
    size_t lf = 0;
    if (!Find('\n', "Protocol error: too big inline request", &lf)) return false;
    std::string_view line = seen_.substr(0, lf);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!SplitLine(line, &args_)) return Fail("Protocol error: unbalanced quotes in request", 0);
    at_ = lf + 1;
    return true;
  }

  // A header line: it ends with CR and any byte.
  bool Header(std::string_view too_long, std::string_view* line) {
    size_t cr = 0;
    if (!Find('\r', too_long, &cr)) return false;
    if (cr + 1 == seen_.size()) return false;
    *line = seen_.substr(at_, cr - at_);
    line_at_ = at_;
    at_ = cr + 2;
    return true;
  }

  // An integer as servers write it: no plus, no leading zeros, no -0.
  static bool Strict(std::string_view text, int64_t* number) {
    return ReadInteger(text, number) && text == std::to_string(*number);
  }

  bool Multibulk() {
    std::string_view line;
    if (!Header("Protocol error: too big mbulk count string", &line)) return false;
    int64_t count = 0;
    if (!Strict(line.substr(1), &count) || count > limits_.max_args) {
      return Fail("Protocol error: invalid multibulk length", line_at_);
    }
    if (!authenticated_ && count > limits_.max_args_unauthenticated) {
      return Fail("Protocol error: unauthenticated multibulk length", line_at_);
    }
    for (; count > 0; --count) {
      if (!Header("Protocol error: too big bulk count string", &line)) return false;
      if (!line.starts_with('$')) {
        const char first = line.empty() || line[0] == '\n' ? ' ' : line[0];
        return Fail(std::string("Protocol error: expected '$', got '") + first + "'", line_at_);
      }
      int64_t length = 0;
      if (!Strict(line.substr(1), &length) || length < 0 || length > limits_.max_bulk) {
        return Fail("Protocol error: invalid bulk length", line_at_);
      }
      if (!authenticated_ && length > limits_.max_bulk_unauthenticated) {
        return Fail("Protocol error: unauthenticated bulk length", line_at_);
      }
      // Which two bytes end it does not matter.
      if (seen_.size() - at_ < static_cast<uint64_t>(length) + 2) return false;
      args_.emplace_back(seen_.substr(at_, static_cast<size_t>(length)));
      at_ += static_cast<size_t>(length) + 2;
    }
    return true;
  }

  const std::string_view bytes_;
  const resp::RequestLimits& limits_;
  const bool authenticated_;
  std::string_view seen_;  // of the present request
  size_t at_ = 0;          // in seen_
  size_t line_at_ = 0;
  std::vector<std::string> args_;
  RequestsReading reading_;
};

bool SameReal(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) ||
         std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

std::string ToText(const RespReadNode& node) {
  std::string text(resp::TypeName(node.type));
  if (node.streamed) text += " streamed";
  if (node.null != NullKind::kNotNull) {
    text += " of kind " + std::to_string(static_cast<int>(node.null));
  }
  if (node.type == Type::kBoolean) text += node.integer != 0 ? " true" : " false";
  if (resp::IsAggregate(node.type)) text += " of " + std::to_string(node.children);
  text += " \"";
  if (!node.format.empty()) text += node.format + ":";
  resp::AppendEscaped(&text, node.text);
  return text + "\"";
}

}  // namespace

RepliesReading ReadReplies(std::string_view bytes, const resp::ReplyLimits& limits) {
  return ReplyReader(bytes, limits).Run();
}

bool IsReadAs(const resp::Reply& reply, const RepliesReading::Value& value) {
  if (reply.node_count() != value.nodes.size()) return false;
  for (size_t i = 0; i < value.nodes.size(); ++i) {
    const resp::ReplyView seen = resp::ReplyView::AtNode(&reply, i);
    const RespReadNode& read = value.nodes[i];
    // A view of an attribute is one of what it annotates; what it holds follows as nodes.
    const resp::Reply::Node& node = reply.nodes()[i];
    if (node.type != read.type || ((node.flags & resp::Reply::kStreamed) != 0) != read.streamed) {
      return false;
    }
    if (resp::IsAggregate(read.type)) {
      if (node.children.count != read.children) return false;
      continue;
    }
    const int64_t integer =
        read.type == Type::kBoolean ? static_cast<int64_t>(seen.boolean()) : seen.integer();
    if (seen.text() != read.text || seen.verbatim_format() != read.format ||
        seen.null_kind() != read.null || integer != read.integer ||
        !SameReal(seen.real(), read.real)) {
      return false;
    }
  }
  return true;
}

bool SameValue(const RepliesReading::Value& a, const RepliesReading::Value& b) {
  return std::ranges::equal(a.nodes, b.nodes, [](const RespReadNode& x, const RespReadNode& y) {
    const bool number = x.type == Type::kDouble || x.type == Type::kInteger;
    return x.type == y.type && x.null == y.null && (number || x.text == y.text) &&
           x.format == y.format && x.integer == y.integer && SameReal(x.real, y.real) &&
           x.children == y.children;
  });
}

RequestsReading ReadRequests(std::string_view bytes, const resp::RequestLimits& limits,
                             bool authenticated) {
  return RequestReader(bytes, limits, authenticated).Run();
}

std::string ToText(const RepliesReading& reading) {
  std::string text;
  for (const RepliesReading::Value& value : reading.values) {
    for (const RespReadNode& node : value.nodes) text += ToText(node) + ", ";
    text += "up to byte " + std::to_string(value.end) + "; ";
  }
  if (reading.code != ParseErrorCode::kNone) {
    return text + "error at byte " + std::to_string(reading.offset) + ": " +
           resp::ParseError{.code = reading.code}.message();
  }
  return text + (reading.idle ? "the end" : "more needed") + " from byte " +
         std::to_string(reading.offset) + " on";
}

std::string ToText(const RequestsReading& reading) {
  std::string text;
  for (const RequestsReading::Request& request : reading.requests) {
    if (request.skipped > 0) text += std::to_string(request.skipped) + " empty, ";
    for (const std::string& arg : request.args) {
      text += '"';
      resp::AppendEscaped(&text, arg);
      text += "\" ";
    }
    text += "up to byte " + std::to_string(request.end) + "; ";
  }
  text += std::to_string(reading.skipped) + " empty";
  if (!reading.failed) return text;
  return text + ", error '" + reading.error + "' at byte " + std::to_string(reading.offset);
}

}  // namespace resprobe
