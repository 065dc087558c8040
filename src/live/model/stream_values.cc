#include "live/model/stream_values.h"

#include <algorithm>

#include "core/resp/reply.h"
#include "core/resp/reply_parser.h"

namespace resprobe::live {
namespace {

constexpr std::string_view kChannel = "__redis__:invalidate";

bool IsMessage(resp::ReplyView value) {
  return value.type() == resp::Type::kArray && value.size() == 3 && value[0].text() == "message";
}

// The text from `before` to the end of its line.
std::optional<Place> LineAfter(std::string_view value, std::string_view before) {
  const size_t at = value.find(before);
  if (at == std::string_view::npos) return std::nullopt;
  const size_t begin = at + before.size();
  const size_t end = value.find("\r\n", begin);
  if (end == std::string_view::npos) return std::nullopt;
  return Place{begin, end - begin};
}

bool IsHello(std::string_view value) {
  return value.find("$6\r\nserver\r\n") < 8 && value.find("$5\r\nproto\r\n") != value.npos;
}

size_t Count(const std::vector<StreamValue>& values, const StreamValue& value) {
  return static_cast<size_t>(std::ranges::count(values, value.bytes, &StreamValue::bytes));
}

}  // namespace

size_t SplitValues(std::string_view bytes, std::vector<StreamValue>* values) {
  static thread_local resp::ReplyParser parser;
  if (!values->empty() && values->back().nonsense) {
    values->back().bytes += bytes;
    return bytes.size();
  }
  size_t used = 0;
  while (used < bytes.size()) {
    parser.Reset();
    const resp::ReplyParser::Result result = parser.Parse(bytes.substr(used));
    if (result.status == resp::ReplyParser::Status::kError) {
      values->push_back({.bytes = std::string(bytes.substr(used)), .nonsense = true});
      return bytes.size();
    }
    if (result.status != resp::ReplyParser::Status::kValue) break;
    const resp::ReplyView value = parser.reply().root();
    values->push_back({.bytes = std::string(bytes.substr(used, result.consumed)),
                       .push = value.type() == resp::Type::kPush || IsMessage(value)});
    used += result.consumed;
  }
  return used;
}

std::optional<std::string> InvalidatedKey(const StreamValue& value) {
  resp::ReplyParser parser;
  if (parser.Parse(value.bytes).status != resp::ReplyParser::Status::kValue) return {};
  const resp::ReplyView root = parser.reply().root();
  const bool message = IsMessage(root) && root[1].text() == kChannel;
  const bool push =
      root.type() == resp::Type::kPush && root.size() == 2 && root[0].text() == "invalidate";
  if (!message && !push) return {};
  const resp::ReplyView keys = root[root.size() - 1];
  if (!keys.is_aggregate() || keys.size() != 1) return {};
  return std::string(keys[0].text());
}

std::string ToText(const std::vector<StreamValue>& values) {
  if (values.empty()) return "nothing";
  std::string text;
  for (const StreamValue& value : values) {
    if (!text.empty()) text += '\n';
    if (value.nonsense) {
      text += "no RESP: ";
      resp::AppendEscaped(&text, value.bytes);
      continue;
    }
    resp::ReplyParser parser;
    parser.Parse(value.bytes);
    text += (value.push ? "push: " : "") + resp::ToText(parser.reply().root());
  }
  return text;
}

std::string FindDifference(const std::vector<StreamValue>& model,
                           const std::vector<StreamValue>& server, bool any_order) {
  const size_t both = std::min(model.size(), server.size());
  size_t at = 0;
  while (at < both && model[at].bytes == server[at].bytes) ++at;
  if (at == both && model.size() == server.size()) return {};
  // The first value that one stream has more often than the other.
  const StreamValue* missing = nullptr;
  const StreamValue* surplus = nullptr;
  for (const StreamValue& value : model) {
    if (missing == nullptr && Count(model, value) > Count(server, value)) missing = &value;
  }
  for (const StreamValue& value : server) {
    if (surplus == nullptr && Count(server, value) > Count(model, value)) surplus = &value;
  }
  if (missing == nullptr && surplus == nullptr) return any_order ? "" : "order";
  if (surplus != nullptr && surplus->nonsense) return "no RESP";
  if (missing != nullptr && surplus != nullptr && missing->push == surplus->push) {
    return missing->push ? "another push" : "another reply";
  }
  if (missing != nullptr) return missing->push ? "push missing" : "reply missing";
  return surplus->push ? "a push too many" : "a reply too many";
}

std::optional<Place> ConnectionNumber(std::string_view value) {
  constexpr std::string_view kBroken = ">2\r\n$21\r\ntracking-redir-broken\r\n:";
  if (value.starts_with(kBroken)) return LineAfter(value, kBroken);
  return IsHello(value) ? LineAfter(value, "\r\n$2\r\nid\r\n:") : std::nullopt;
}

// Including the line with its length.
std::optional<Place> VersionOfHello(std::string_view value) {
  if (!IsHello(value)) return {};
  constexpr std::string_view kBefore = "\r\n$7\r\nversion\r\n";
  const std::optional<Place> length = LineAfter(value, kBefore);
  if (!length) return {};
  const size_t end = value.find("\r\n", length->begin + length->size + 2);
  if (end == value.npos) return {};
  return Place{length->begin, end - length->begin};
}

}  // namespace resprobe::live
