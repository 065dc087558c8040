#include "core/resp/writer.h"

#include <charconv>
#include <cstring>

#include "core/resp/number.h"

namespace resprobe::resp {
namespace {

// Room for a type byte, the longest 64-bit number, and CRLF.
constexpr size_t kHeaderSize = 24;

// Writes into memory that the caller knows to be large enough. Always inlined: if one of its
// functions were called, it would be an object on the stack, which AddressSanitizer has to guard.
class Cursor {
 public:
  explicit Cursor(char* p) : p_(p) {}
  char* p() const { return p_; }

  [[gnu::always_inline]] void Byte(char c) { *p_++ = c; }
  // The texts are short, and sanitizers make calls of memcpy expensive. Copies of a fixed size need
  // no call: one copies from the beginning, one ends at the end.
  [[gnu::always_inline]] void Bytes(std::string_view bytes) {
    const char* const from = bytes.data();
    const size_t size = bytes.size();
    if (size >= 8 && size <= 16) {
      Ends<8>(from, size);
    } else if (size >= 4 && size < 8) {
      Ends<4>(from, size);
    } else if (size > 16) {
      std::memcpy(p_, from, size);
    } else {
      for (size_t i = 0; i < size; ++i) p_[i] = from[i];
    }
    p_ += size;
  }
  [[gnu::always_inline]] void CrLf() {
    p_[0] = '\r';
    p_[1] = '\n';
    p_ += 2;
  }
  template <class Number>
  [[gnu::always_inline]] void Header(char type, Number number) {
    *p_++ = type;
    if (number >= 0 && number <= 9) {
      *p_++ = static_cast<char>('0' + number);
    } else {
      p_ = std::to_chars(p_, p_ + kHeaderSize, number).ptr;
    }
    CrLf();
  }
  [[gnu::always_inline]] void Bulk(char type, std::string_view bytes) {
    Header(type, bytes.size());
    Bytes(bytes);
    CrLf();
  }

 private:
  template <size_t kSize>
  [[gnu::always_inline]] void Ends(const char* from, size_t size) {
    std::memcpy(p_, from, kSize);
    std::memcpy(p_ + size - kSize, from + size - kSize, kSize);
  }

  char* p_;
};

// Lets `write` write at most `most` bytes at the end of `out`, directly into the string: several
// appends, or buffers on the stack, cost far more under AddressSanitizer.
template <class Write>
void AppendUpTo(std::string* out, size_t most, const Write& write) {
  const size_t before = out->size();
  out->resize_and_overwrite(before + most, [&](char* data, size_t) {
    Cursor to(data + before);
    write(to);
    return static_cast<size_t>(to.p() - data);
  });
}

template <class Number>
void AppendHeader(std::string* out, char type, Number number) {
  AppendUpTo(out, kHeaderSize, [&](Cursor& to) { to.Header(type, number); });
}

void AppendBulk(std::string* out, char type, std::string_view bytes) {
  AppendUpTo(out, kHeaderSize + bytes.size() + 2, [&](Cursor& to) { to.Bulk(type, bytes); });
}

void AppendLine(std::string* out, char type, std::string_view text) {
  AppendUpTo(out, text.size() + 3, [&](Cursor& to) {
    to.Byte(type);
    to.Bytes(text);
    to.CrLf();
  });
}

// A constant of at most 16 bytes.
[[gnu::always_inline]] inline void AppendText(std::string* out, std::string_view text) {
  AppendUpTo(out, text.size(), [&](Cursor& to) { to.Bytes(text); });
}

// An upper bound on the size of the texts as bulk strings.
size_t BulkSize(std::span<const std::string_view> texts) {
  size_t most = 0;
  for (const std::string_view text : texts) most += kHeaderSize + text.size() + 2;
  return most;
}

// Bytes of text that a node contributes to the output.
size_t TextSize(const Reply::Node& node) {
  switch (node.type) {
    case Type::kDouble:
      return node.text_length;
    case Type::kSimpleString:
    case Type::kSimpleError:
    case Type::kBigNumber:
    case Type::kBulkString:
    case Type::kBulkError:
    case Type::kVerbatimString:
      return node.text.length;
    default:
      return 0;
  }
}

}  // namespace

void Writer::Header(char type, uint64_t count) { AppendHeader(out_, type, count); }
void Writer::Line(char type, std::string_view text) { AppendLine(out_, type, text); }
void Writer::Bulk(char type, std::string_view bytes) { AppendBulk(out_, type, bytes); }

void Writer::SimpleString(std::string_view text) { Line('+', text); }
void Writer::SimpleError(std::string_view text) { Line('-', text); }
void Writer::Integer(int64_t value) { AppendHeader(out_, ':', value); }
void Writer::BulkString(std::string_view bytes) { Bulk('$', bytes); }

void Writer::BulkInteger(int64_t value) {
  char digits[kHeaderSize];
  const char* end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  Bulk('$', {digits, static_cast<size_t>(end - digits)});
}

void Writer::NullBulk() {
  if (protocol_ >= 3) {
    AppendText(out_, "_\r\n");
  } else {
    AppendText(out_, "$-1\r\n");
  }
}

void Writer::NullArray() {
  if (protocol_ >= 3) {
    AppendText(out_, "_\r\n");
  } else {
    AppendText(out_, "*-1\r\n");
  }
}

void Writer::ArrayHeader(size_t count) { Header('*', count); }

void Writer::MapHeader(size_t pairs) {
  if (protocol_ >= 3) {
    Header('%', pairs);
  } else {
    Header('*', 2 * pairs);
  }
}

void Writer::SetHeader(size_t count) { Header(protocol_ >= 3 ? '~' : '*', count); }
void Writer::PushHeader(size_t count) { Header(protocol_ >= 3 ? '>' : '*', count); }
void Writer::AttributeHeader(size_t pairs) { Header('|', pairs); }

void Writer::Boolean(bool value) {
  if (protocol_ >= 3) {
    AppendText(out_, value ? "#t\r\n" : "#f\r\n");
  } else {
    AppendText(out_, value ? ":1\r\n" : ":0\r\n");
  }
}

void Writer::Double(std::string_view text) {
  if (protocol_ >= 3) {
    Line(',', text);
  } else {
    Bulk('$', text);
  }
}

void Writer::Double(double value) {
  char buffer[kDoubleTextSize];
  Double(FormatDouble(value, buffer));
}

void Writer::BigNumber(std::string_view digits) {
  if (protocol_ >= 3) {
    Line('(', digits);
  } else {
    Bulk('$', digits);
  }
}

void Writer::Verbatim(std::string_view format, std::string_view bytes) {
  if (protocol_ < 3) return Bulk('$', bytes);
  Header('=', format.size() + 1 + bytes.size());
  out_->append(format);
  out_->push_back(':');
  out_->append(bytes);
  out_->append("\r\n", 2);
}

void Writer::BulkError(std::string_view text) {
  if (protocol_ >= 3) {
    Bulk('!', text);
  } else {
    Line('-', text);
  }
}

void Writer::BulkStrings(std::span<const std::string_view> texts) {
  AppendUpTo(out_, BulkSize(texts), [&](Cursor& to) {
    for (const std::string_view text : texts) to.Bulk('$', text);
  });
}

void AppendRequest(std::string* out, std::span<const std::string_view> args) {
  AppendUpTo(out, kHeaderSize + BulkSize(args), [&](Cursor& to) {
    to.Header('*', args.size());
    for (const std::string_view arg : args) to.Bulk('$', arg);
  });
}

void AppendReply(std::string* out, const ReplyView& value) {
  if (!value.valid()) return;
  const std::span<const Reply::Node> nodes =
      value.reply()->nodes().subspan(value.first_node(), value.end_node() - value.first_node());
  const char* const bytes = value.reply()->bytes().data();
  // Most of the output is text; besides that, each node takes at most a header and a CRLF.
  size_t most = nodes.size() * (kHeaderSize + 2);
  for (const Reply::Node& node : nodes) most += TextSize(node);
  AppendUpTo(out, most, [&](Cursor& to) {
    for (const Reply::Node& node : nodes) {
      const char type = static_cast<char>(node.type);
      switch (node.type) {
        case Type::kBulkString:
        case Type::kBulkError:
        case Type::kVerbatimString:
          to.Bulk(type, {bytes + node.text.offset, node.text.length});
          break;
        case Type::kSimpleString:
        case Type::kSimpleError:
        case Type::kBigNumber:
          to.Byte(type);
          to.Bytes({bytes + node.text.offset, node.text.length});
          to.CrLf();
          break;
        case Type::kDouble:
          to.Byte(type);
          to.Bytes({bytes + node.link, node.text_length});
          to.CrLf();
          break;
        case Type::kInteger:
          to.Header(type, node.integer);
          break;
        case Type::kNull:
          switch (static_cast<NullKind>(node.integer)) {
            case NullKind::kBulk:
              to.Bytes("$-1\r\n");
              break;
            case NullKind::kArray:
              to.Bytes("*-1\r\n");
              break;
            default:
              to.Bytes("_\r\n");
          }
          break;
        case Type::kBoolean:
          to.Bytes(node.integer != 0 ? "#t\r\n" : "#f\r\n");
          break;
        case Type::kMap:
        case Type::kAttribute:
          to.Header(type, node.children.count / 2);
          break;
        case Type::kArray:
        case Type::kSet:
        case Type::kPush:
          to.Header(type, node.children.count);
          break;
      }
    }
  });
}

}  // namespace resprobe::resp
