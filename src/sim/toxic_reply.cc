#include "sim/toxic_reply.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "core/resp/reply.h"
#include "core/resp/reply_parser.h"

namespace resprobe {
namespace {

size_t LengthOf(resp::ReplyParser* parser, std::string_view bytes) {
  parser->Reset();
  const resp::ReplyParser::Result result = parser->Parse(bytes);
  switch (result.status) {
    case resp::ReplyParser::Status::kValue:
      return result.consumed;
    case resp::ReplyParser::Status::kNeedMore:
      return 0;
    case resp::ReplyParser::Status::kError:
      break;
  }
  return bytes.size();
}

constexpr std::string_view kUnsolicited = "+unsolicited\r\n";
constexpr std::string_view kAttributeText = "|1\r\n+ttl\r\n:3600\r\n";
constexpr std::string_view kPushes[] = {
    ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n",
    ">2\r\n$10\r\ninvalidate\r\n_\r\n",
    ">3\r\n+flags\r\n#t\r\n,1.5\r\n",
    ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nv\r\n",
    ">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n",
    ">0\r\n",
    ">1\r\n*1\r\n%1\r\n+k\r\n~1\r\n:1\r\n",
    ">4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$1\r\na\r\n$1\r\nv\r\n",
};
static_assert(std::size(kPushes) == 8);  // the attribute's range

bool IsAggregateByte(char c) { return c == '*' || c == '%' || c == '~' || c == '>' || c == '|'; }
bool HasLength(char c) { return IsAggregateByte(c) || c == '$' || c == '=' || c == '!'; }

// The header line of a value: its type, its number, its end. False if there is none.
struct Header {
  int64_t number = 0;
  size_t end = 0;  // after the CRLF
};
bool ReadHeader(std::string_view reply, Header* header) {
  const size_t lf = reply.find('\n');
  if (reply.empty() || lf == std::string_view::npos || lf < 3) return false;
  const char* const first = reply.data() + 1;
  const char* const last = reply.data() + lf - 1;
  const auto [end, status] = std::from_chars(first, last, header->number);
  header->end = lf + 1;
  return status == std::errc() && end == last;
}

void AppendHeader(char type, int64_t number, std::string* out) {
  *out += type;
  *out += std::to_string(number);
  *out += "\r\n";
}

// Adds children to an aggregate or removes some, without its header.
bool ChangeArity(std::string_view reply, int64_t delta, std::string* out) {
  Header header;
  if (delta == 0) return false;
  if (!IsAggregateByte(reply[0]) || !ReadHeader(reply, &header) || header.number < 0) {
    const int64_t copies = std::max<int64_t>(delta + 1, 0);
    AppendHeader('*', copies, out);
    for (int64_t i = 0; i < copies; ++i) out->append(reply);
    return true;
  }
  const int64_t per_element = reply[0] == '%' || reply[0] == '|' ? 2 : 1;
  const int64_t count = std::max<int64_t>(std::min(header.number, INT64_MAX - 8) + delta, 0);
  // A false header has no such elements to count.
  if (count == header.number || count > static_cast<int64_t>(reply.size())) return false;
  AppendHeader(reply[0], count, out);
  std::string_view rest = reply.substr(header.end);
  resp::ReplyParser parser;  // one for all elements: it keeps its memory
  for (int64_t i = 0; i < count * per_element; ++i) {
    const size_t length = LengthOf(&parser, rest);
    if (length == 0 || rest.empty()) {
      *out += ":0\r\n";
    } else {
      out->append(rest.substr(0, length));
      rest.remove_prefix(length);
    }
  }
  return true;
}

bool Lie(std::string_view reply, int64_t length, std::string* out) {
  Header header;
  if (HasLength(reply[0]) && ReadHeader(reply, &header)) {
    if (header.number == length) return false;
    AppendHeader(reply[0], length, out);
    out->append(reply.substr(header.end));
  } else {
    AppendHeader('*', length, out);
    out->append(reply);
  }
  return true;
}

// Inserts `inserted` before the reply, or after the header of an aggregate; false if that is
// requested and there is no header.
bool Insert(std::string_view inserted, bool inside, std::string_view reply, std::string* out) {
  if (!inside) {
    out->append(inserted).append(reply);
    return true;
  }
  Header header;
  if (!IsAggregateByte(reply[0]) || !ReadHeader(reply, &header) || header.number <= 0) return false;
  out->append(reply.substr(0, header.end)).append(inserted).append(reply.substr(header.end));
  return true;
}

bool Edit(const Toxic& toxic, std::string_view reply, std::string* out) {
  switch (toxic.kind) {
    case ToxicKind::kDuplicateReply:
      out->append(reply).append(reply);
      return true;
    case ToxicKind::kMissingReply:
      return true;
    case ToxicKind::kUnsolicitedReply:
      out->append(kUnsolicited).append(reply);
      return true;
    case ToxicKind::kPush:
      return Insert(PushText(toxic.values[2]), toxic.values[1] != 0, reply, out);
    case ToxicKind::kAttribute:
      return Insert(kAttributeText, toxic.values[1] != 0, reply, out);
    case ToxicKind::kWrongType: {
      const auto type = static_cast<char>(static_cast<uint8_t>(toxic.values[1]));
      if (reply[0] == type) return false;
      *out += type;
      out->append(reply.substr(1));
      return true;
    }
    case ToxicKind::kWrongArity:
      return ChangeArity(reply, toxic.values[1], out);
    case ToxicKind::kLyingLength:
      return Lie(reply, toxic.values[1], out);
    case ToxicKind::kNesting:
      for (int64_t i = 0; i < toxic.values[1]; ++i) *out += "*1\r\n";
      out->append(reply);
      return true;
    case ToxicKind::kGarbage:
      // No type starts with any of these, in RESP2 or RESP3.
      for (int64_t i = 0; i < toxic.values[1]; ++i) *out += "\xff\0\x01?"[i % 4];
      *out += "\r\n";
      out->append(reply);
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string_view PushText(int64_t form) {
  return kPushes[static_cast<size_t>(form) % std::size(kPushes)];
}

size_t ReplyLength(std::string_view bytes) {
  resp::ReplyParser parser;
  return LengthOf(&parser, bytes);
}

bool EditReply(const Toxic& toxic, uint64_t number, std::string_view reply, std::string* out) {
  const bool meant = InfoOf(toxic.kind).place == ToxicPlace::kReply && !reply.empty() &&
                     (toxic.values[0] == 0 || static_cast<uint64_t>(toxic.values[0]) == number);
  const size_t before = out->size();
  if (meant && Edit(toxic, reply, out)) return true;
  out->resize(before);
  out->append(reply);
  return false;
}

}  // namespace resprobe
