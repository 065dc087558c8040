#include "core/resp/writer.h"

#include <charconv>

#include "core/resp/number.h"

namespace resprobe::resp {
namespace {

// Room for a type byte, the longest 64-bit number, and CRLF.
constexpr size_t kHeaderSize = 24;

template <class Number>
std::string_view FormatHeader(char type, Number number, char (&buffer)[kHeaderSize]) {
  buffer[0] = type;
  char* end = std::to_chars(buffer + 1, buffer + kHeaderSize - 2, number).ptr;
  end[0] = '\r';
  end[1] = '\n';
  return {buffer, static_cast<size_t>(end + 2 - buffer)};
}

template <class Number>
void AppendHeader(std::string* out, char type, Number number) {
  char buffer[kHeaderSize];
  out->append(FormatHeader(type, number, buffer));
}

void AppendBulk(std::string* out, char type, std::string_view bytes) {
  AppendHeader(out, type, bytes.size());
  out->append(bytes);
  out->append("\r\n", 2);
}

void AppendLine(std::string* out, char type, std::string_view text) {
  out->push_back(type);
  out->append(text);
  out->append("\r\n", 2);
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
    out_->append("_\r\n", 3);
  } else {
    out_->append("$-1\r\n", 5);
  }
}

void Writer::NullArray() {
  if (protocol_ >= 3) {
    out_->append("_\r\n", 3);
  } else {
    out_->append("*-1\r\n", 5);
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
    out_->append(value ? "#t\r\n" : "#f\r\n", 4);
  } else {
    out_->append(value ? ":1\r\n" : ":0\r\n", 4);
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

void AppendRequest(std::string* out, std::span<const std::string_view> args) {
  AppendHeader(out, '*', args.size());
  for (const std::string_view arg : args) AppendBulk(out, '$', arg);
}

void AppendReply(std::string* out, const ReplyView& value) {
  if (!value.valid()) return;
  const size_t end = value.end_node();
  for (size_t at = value.first_node(); at < end; ++at) {
    const ReplyView v = ReplyView::AtNode(value.reply(), at);
    const char type = static_cast<char>(v.type());
    switch (v.type()) {
      case Type::kSimpleString:
      case Type::kSimpleError:
      case Type::kDouble:
      case Type::kBigNumber:
        AppendLine(out, type, v.text());
        break;
      case Type::kInteger:
        AppendHeader(out, type, v.integer());
        break;
      case Type::kBulkString:
      case Type::kBulkError:
        AppendBulk(out, type, v.text());
        break;
      case Type::kNull:
        switch (v.null_kind()) {
          case NullKind::kBulk:
            out->append("$-1\r\n", 5);
            break;
          case NullKind::kArray:
            out->append("*-1\r\n", 5);
            break;
          default:
            out->append("_\r\n", 3);
        }
        break;
      case Type::kBoolean:
        out->append(v.boolean() ? "#t\r\n" : "#f\r\n", 4);
        break;
      case Type::kVerbatimString:
        Writer(out, 3).Verbatim(v.verbatim_format(), v.text());
        break;
      case Type::kMap:
      case Type::kAttribute:
        AppendHeader(out, type, v.size() / 2);
        break;
      case Type::kArray:
      case Type::kSet:
      case Type::kPush:
        AppendHeader(out, type, v.size());
        break;
    }
  }
}

}  // namespace resprobe::resp
