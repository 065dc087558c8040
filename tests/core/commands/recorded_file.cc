#include "tests/core/commands/recorded_file.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <sstream>

#include "core/resp/reply_parser.h"
#include "core/resp/writer.h"

namespace resprobe {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Splits like redis-cli: at spaces, with "…" with escapes, '…' without.
bool SplitArguments(std::string_view text, std::vector<std::string>* args) {
  size_t i = 0;
  while (true) {
    while (i < text.size() && text[i] == ' ') ++i;
    if (i == text.size()) return true;
    std::string arg;
    if (text[i] == '"') {
      const size_t begin = ++i;
      while (i < text.size() && text[i] != '"') i += text[i] == '\\' ? 2 : 1;
      if (i >= text.size() || !UnescapeBytes(text.substr(begin, i - begin), &arg)) return false;
      ++i;
    } else if (text[i] == '\'') {
      const size_t end = text.find('\'', i + 1);
      if (end == std::string_view::npos) return false;
      arg = text.substr(i + 1, end - i - 1);
      i = end + 1;
    } else {
      while (i < text.size() && text[i] != ' ') arg += text[i++];
    }
    if (i < text.size() && text[i] != ' ') return false;
    args->push_back(std::move(arg));
  }
}

bool ParseNumber(std::string_view text, int64_t* number) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), *number);
  return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

// Removes a leading connection number from the line.
int TakeConnection(std::string_view& line) {
  size_t digits = 0;
  while (digits < line.size() && line[digits] >= '0' && line[digits] <= '9') ++digits;
  if (digits == 0) return 1;
  int64_t number = 1;
  ParseNumber(line.substr(0, digits), &number);
  line.remove_prefix(digits);
  while (!line.empty() && line[0] == ' ') line.remove_prefix(1);
  return static_cast<int>(number);
}

bool TakePrefix(std::string_view& line, std::string_view prefix) {
  if (!line.starts_with(prefix)) return false;
  line.remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::string_view RecordedStep::ExpectedBytes(int connection_number) const {
  for (const Output& output : outputs) {
    if (output.connection == connection_number && !output.closed) return output.bytes;
  }
  return {};
}

bool RecordedStep::ExpectedClosed(int connection_number) const {
  return std::any_of(outputs.begin(), outputs.end(), [&](const Output& output) {
    return output.connection == connection_number && output.closed;
  });
}

bool RecordedCase::MovesClock() const {
  return std::any_of(steps.begin(), steps.end(), [](const RecordedStep& step) {
    return step.kind == RecordedStep::Kind::kAdvance;
  });
}

std::string RecordedIds::Expand(std::string text) const {
  for (const auto& [connection, id] : ids_) {
    const std::string name = "{id-" + std::to_string(connection) + "}";
    for (size_t at = 0; (at = text.find(name, at)) != text.npos; at += id.size()) {
      text.replace(at, name.size(), id);
    }
  }
  return text;
}

RecordedStep RecordedIds::Expand(const RecordedStep& step) const {
  RecordedStep expanded = step;
  if (ids_.empty()) return expanded;
  if (step.kind == RecordedStep::Kind::kRequest) {
    for (std::string& arg : expanded.args) arg = Expand(arg);
    std::vector<std::string_view> views(expanded.args.begin(), expanded.args.end());
    expanded.bytes.clear();
    resp::AppendRequest(&expanded.bytes, views);
  }
  for (RecordedStep::Output& output : expanded.outputs) output.bytes = Expand(output.bytes);
  return expanded;
}

std::string RecordedIds::Collapse(std::string bytes) const {
  for (const auto& [connection, id] : ids_) {
    const std::string number = ":" + id + "\r\n";
    const std::string name = ":{id-" + std::to_string(connection) + "}\r\n";
    for (size_t at = 0; (at = bytes.find(number, at)) != bytes.npos; at += name.size()) {
      bytes.replace(at, number.size(), name);
    }
  }
  return bytes;
}

int RecordedCase::Connections() const {
  int most = 1;
  for (const RecordedStep& step : steps) most = std::max(most, step.connection);
  return most;
}

bool RecordedFile::Parse(std::string_view path, std::string_view text, std::string* error) {
  size_t number = 0;
  const auto fail = [&](std::string_view what) {
    *error = std::string(path) + ":" + std::to_string(number) + ": " + std::string(what);
    return false;
  };
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view whole = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    lines.emplace_back(whole);
    std::string_view line = whole;
    if (line.empty() || line[0] == '#') continue;
    if (TakePrefix(line, "server ")) {
      server = line;
      continue;
    }
    if (TakePrefix(line, "case ")) {
      cases.push_back({std::string(line), number, {}});
      continue;
    }
    if (cases.empty()) return fail("a step before the first case");
    std::vector<RecordedStep>& steps = cases.back().steps;
    const int connection = TakeConnection(line);
    if (TakePrefix(line, "< ") || line == "closed") {
      if (steps.empty()) return fail("a reply before the first request");
      RecordedStep::Output output;
      output.connection = connection;
      output.closed = line == "closed";
      if (!output.closed && !UnescapeBytes(line, &output.bytes)) return fail("a bad escape");
      steps.back().outputs.push_back(std::move(output));
      continue;
    }
    RecordedStep step;
    step.line = number;
    step.connection = connection;
    if (TakePrefix(line, "proto ")) {
      step.kind = RecordedStep::Kind::kProtocol;
      if (!ParseNumber(line, &step.number)) return fail("proto wants 2 or 3");
    } else if (TakePrefix(line, "advance ")) {
      step.kind = RecordedStep::Kind::kAdvance;
      if (!ParseNumber(line, &step.number)) return fail("advance wants milliseconds");
    } else if (line == "id") {
      step.kind = RecordedStep::Kind::kId;
    } else if (line == "close") {
      step.kind = RecordedStep::Kind::kClose;
    } else if (TakePrefix(line, "!> ")) {
      step.kind = RecordedStep::Kind::kRaw;
      if (!UnescapeBytes(line, &step.bytes)) return fail("a bad escape");
    } else {
      if (TakePrefix(line, "~")) step.compare = RecordedStep::Compare::kUnordered;
      if (TakePrefix(line, "?")) step.compare = RecordedStep::Compare::kShape;
      if (!TakePrefix(line, "> ")) return fail("not a line of this format");
      if (!SplitArguments(line, &step.args) || step.args.empty()) {
        return fail("the arguments do not parse");
      }
      std::vector<std::string_view> views(step.args.begin(), step.args.end());
      resp::AppendRequest(&step.bytes, views);
    }
    steps.push_back(std::move(step));
  }
  return true;
}

std::string EscapeBytes(std::string_view bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const auto c = static_cast<unsigned char>(bytes[i]);
    if (c == '\r') {
      text += "\\r";
    } else if (c == '\n') {
      text += "\\n";
    } else if (c == '\t') {
      text += "\\t";
    } else if (c == '\\') {
      text += "\\\\";
    } else if (c < 0x20 || c >= 0x7f || (c == ' ' && i + 1 == bytes.size())) {
      text += "\\x";
      text += kHex[c >> 4];
      text += kHex[c & 15];
    } else {
      text += static_cast<char>(c);
    }
  }
  return text;
}

bool UnescapeBytes(std::string_view text, std::string* bytes) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      *bytes += text[i];
      continue;
    }
    if (++i == text.size()) return false;
    switch (text[i]) {
      case 'r':
        *bytes += '\r';
        break;
      case 'n':
        *bytes += '\n';
        break;
      case 't':
        *bytes += '\t';
        break;
      case 'x': {
        if (i + 2 >= text.size()) return false;
        const int high = HexDigit(text[i + 1]);
        const int low = HexDigit(text[i + 2]);
        if (high < 0 || low < 0) return false;
        *bytes += static_cast<char>(high * 16 + low);
        i += 2;
        break;
      }
      default:
        *bytes += text[i];
    }
  }
  return true;
}

std::string SortReply(std::string_view bytes, bool map) {
  resp::ReplyParser parser;
  const resp::Reply& reply = parser.reply();
  const auto result = parser.Parse(bytes);
  if (result.status != resp::ReplyParser::Status::kValue || !reply.root().is_aggregate()) {
    return std::string(bytes);
  }
  const size_t step = map || reply.root().type() == resp::Type::kMap ? 2 : 1;
  std::vector<std::string> parts;
  size_t i = 0;
  for (const resp::ReplyView element : reply.root()) {
    if (i++ % step == 0) parts.emplace_back();
    // A nested aggregate (the elements of SCAN's reply) is unordered too.
    std::string part;
    resp::AppendReply(&part, element);
    parts.back() += element.is_aggregate() ? SortReply(part, false) : part;
  }
  if (parts.size() > 1) std::sort(parts.begin(), parts.end());
  std::string sorted(bytes.substr(0, bytes.find('\n') + 1));
  for (const std::string& part : parts) sorted += part;
  sorted += bytes.substr(result.consumed);
  return sorted;
}

bool ReadFile(const std::string& path, std::string* text) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return false;
  std::ostringstream contents;
  contents << file.rdbuf();
  *text = contents.str();
  return true;
}

namespace {

std::filesystem::path RecordedFolder() {
  const char* root = std::getenv("RESPROBE_SOURCE_DIR");
  return std::filesystem::path(root == nullptr ? "." : root) / "tests/core/commands/recorded";
}

}  // namespace

std::string RecordedPath(std::string_view name) {
  return (RecordedFolder() / (std::string(name) + ".txt")).string();
}

Profile ProfileOfServer(std::string_view server) {
  return server.starts_with("valkey ") ? Profile::kValkey80 : Profile::kRedis70;
}

std::vector<std::string> RecordedPaths() {
  std::vector<std::string> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(RecordedFolder(), error)) {
    if (entry.path().extension() == ".txt") paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace resprobe
