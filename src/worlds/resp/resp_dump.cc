#include "worlds/resp/resp_dump.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/resp/reply.h"
#include "core/resp/reply_parser.h"
#include "core/resp/request_parser.h"

namespace resprobe {
namespace {

std::string Quoted(std::string_view bytes) {
  std::string text = "\"";
  resp::AppendEscaped(&text, bytes);
  return text + "\"";
}

// Shortened in the middle.
std::string Excerpt(std::string_view bytes) {
  constexpr size_t kMost = 48;
  if (bytes.size() <= kMost) return Quoted(bytes);
  return Quoted(bytes.substr(0, kMost / 2)) + " ... " +
         Quoted(bytes.substr(bytes.size() - kMost / 4)) + " (" + std::to_string(bytes.size()) +
         " bytes)";
}

struct Row {
  size_t offset;
  std::string bytes;
  std::string meaning;
};

std::string Table(std::string_view title, const std::vector<Row>& rows) {
  constexpr size_t kWidest = 56;
  size_t width = 0;
  for (const Row& row : rows) {
    if (row.bytes.size() <= kWidest) width = std::max(width, row.bytes.size());
  }
  std::string out(title);
  out += '\n';
  for (const Row& row : rows) {
    std::string offset = std::to_string(row.offset);
    if (offset.size() < 8) offset.insert(0, 8 - offset.size(), ' ');
    out += offset + "  " + row.bytes;
    out.append(width > row.bytes.size() ? width - row.bytes.size() : 0, ' ');
    out += "  " + row.meaning + '\n';
  }
  return out;
}

}  // namespace

std::string DumpReplies(std::string_view bytes) {
  std::vector<Row> rows;
  resp::ReplyParser parser;
  size_t at = 0;
  for (;;) {
    const std::string_view rest = bytes.substr(at);
    const auto result = parser.Parse(rest);
    if (result.status == resp::ReplyParser::Status::kValue) {
      rows.push_back(
          {at, Excerpt(rest.substr(0, result.consumed)), resp::ToText(parser.reply().root())});
      at += result.consumed;
      continue;
    }
    if (result.status == resp::ReplyParser::Status::kError) {
      rows.push_back({at, Excerpt(rest),
                      "error at byte " + std::to_string(parser.error().offset) + ": " +
                          parser.error().message()});
    } else if (!rest.empty()) {
      rows.push_back({at, Excerpt(rest),
                      "more needed from byte " + std::to_string(parser.token_offset()) + " on"});
    }
    return Table("as replies", rows);
  }
}

std::string DumpRequests(std::string_view bytes) {
  std::vector<Row> rows;
  resp::RequestParser parser;
  size_t at = 0;
  for (;;) {
    const std::string_view rest = bytes.substr(at);
    const auto result = parser.Parse(rest);
    if (result.status == resp::RequestParser::Status::kRequest) {
      std::string text;
      for (const std::string_view arg : parser.args()) {
        if (!text.empty()) text += ' ';
        text += Quoted(arg);
      }
      rows.push_back({at, Excerpt(rest.substr(0, result.consumed)), std::move(text)});
      at += result.consumed;
      continue;
    }
    if (result.status == resp::RequestParser::Status::kError) {
      const std::string& error = parser.error().text;
      rows.push_back({at, Excerpt(rest),
                      "error at byte " + std::to_string(parser.error().offset) + ": " +
                          (error.empty() ? "closed without a word" : error)});
    } else if (!parser.idle()) {
      rows.push_back({at, Excerpt(rest), "more needed"});
    } else if (!rest.empty()) {
      rows.push_back({at, Excerpt(rest), "asks for nothing"});
    }
    return Table("as requests", rows);
  }
}

}  // namespace resprobe
