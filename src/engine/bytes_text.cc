#include "engine/bytes_text.h"

#include <algorithm>
#include <vector>

#include "engine/ops_text.h"
#include "engine/quote.h"

namespace resprobe {
namespace {

// Keeps a line of text below about a hundred columns, whatever the bytes are.
constexpr size_t kMostInALine = 24;

// The first piece of `bytes`: up to and including a line feed, or up to the limit.
std::string_view Piece(std::string_view bytes) {
  const size_t end = bytes.find('\n');
  return bytes.substr(0, std::min(end == std::string_view::npos ? end : end + 1, kMostInALine));
}

}  // namespace

std::string PrintBytes(std::string_view harness, std::string_view bytes) {
  std::string text = "ops ";
  text += harness;
  text += '\n';
  while (!bytes.empty()) {
    const std::string_view piece = Piece(bytes);
    text += "bytes ";
    AppendQuoted(&text, piece);
    text += '\n';
    bytes.remove_prefix(piece.size());
  }
  return text;
}

std::string ParseBytes(std::string_view harness, std::string_view text, std::string* bytes) {
  bytes->clear();
  const std::string begin = "ops " + std::string(harness);
  bool named = false;
  std::string_view line;
  std::vector<ops_text::Word> words;
  for (size_t number = 1; ops_text::TakeLine(&text, &line); ++number) {
    const std::string where = "line " + std::to_string(number) + ": ";
    if (std::string error = ops_text::SplitLine(line, &words); !error.empty()) {
      return where + error;
    }
    if (words.empty()) continue;
    const std::string& kind = words.front().text;
    if (!named) {
      if (kind != "ops" || words.size() != 2) {
        return where + "not an .ops text: begin with '" + begin + "'";
      }
      if (words[1].text != harness) {
        return where + "a case of '" + words[1].text + "', not of '" + std::string(harness) +
               "': replay it with its own harness";
      }
      named = true;
      continue;
    }
    if (kind != "bytes") {
      return where + "no op is named '" + kind + "': '" + std::string(harness) +
             "' takes raw bytes: write bytes \"…\"";
    }
    for (size_t i = 1; i < words.size(); ++i) *bytes += words[i].text;
  }
  return named ? "" : "line 1: not an .ops text: begin with '" + begin + "'";
}

}  // namespace resprobe
