#include "engine/quote.h"

#include <cstdint>

namespace resprobe {
namespace {

constexpr char kHex[] = "0123456789abcdef";

// Letters, digits and characters common in keys, numbers and options. No '#', which starts a
// comment, and no quotes.
bool IsBare(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  constexpr std::string_view kOthers = "_-+.:*?/()[]{}<>@$%&!^~,;|";
  return kOthers.find(c) != std::string_view::npos;
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

void AppendQuoted(std::string* out, std::string_view bytes) {
  *out += '"';
  for (const char c : bytes) {
    switch (c) {
      case '\n':
        *out += "\\n";
        break;
      case '\r':
        *out += "\\r";
        break;
      case '\t':
        *out += "\\t";
        break;
      case '\a':
        *out += "\\a";
        break;
      case '\b':
        *out += "\\b";
        break;
      case '"':
        *out += "\\\"";
        break;
      case '\\':
        *out += "\\\\";
        break;
      default:
        if (c >= ' ' && c <= '~') {
          *out += c;
        } else {
          const auto byte = static_cast<uint8_t>(c);
          *out += "\\x";
          *out += kHex[byte >> 4];
          *out += kHex[byte & 15];
        }
    }
  }
  *out += '"';
}

void AppendWord(std::string* out, std::string_view bytes) {
  bool bare = !bytes.empty();
  for (const char c : bytes) bare = bare && IsBare(c);
  if (bare) {
    *out += bytes;
  } else {
    AppendQuoted(out, bytes);
  }
}

bool TakeWord(std::string_view* line, std::string* word, bool* quoted, std::string* error) {
  std::string_view& rest = *line;
  while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t' || rest.front() == '\r')) {
    rest.remove_prefix(1);
  }
  word->clear();
  *quoted = false;
  if (rest.empty() || rest.front() == '#') return false;
  if (rest.front() != '"') {
    while (!rest.empty() && rest.front() != ' ' && rest.front() != '\t' && rest.front() != '\r') {
      *word += rest.front();
      rest.remove_prefix(1);
    }
    return true;
  }
  *quoted = true;
  rest.remove_prefix(1);
  while (!rest.empty()) {
    char c = rest.front();
    rest.remove_prefix(1);
    if (c == '"') {
      if (rest.empty() || rest.front() == ' ' || rest.front() == '\t' || rest.front() == '\r') {
        return true;
      }
      *error = "text follows a closing quote: put a blank between words";
      return false;
    }
    if (c != '\\') {
      *word += c;
      continue;
    }
    if (rest.empty()) break;
    c = rest.front();
    rest.remove_prefix(1);
    switch (c) {
      case 'n':
        *word += '\n';
        break;
      case 'r':
        *word += '\r';
        break;
      case 't':
        *word += '\t';
        break;
      case 'a':
        *word += '\a';
        break;
      case 'b':
        *word += '\b';
        break;
      case 'x': {
        const int high = rest.size() >= 2 ? HexValue(rest[0]) : -1;
        const int low = rest.size() >= 2 ? HexValue(rest[1]) : -1;
        if (high < 0 || low < 0) {
          *error = "\\x without two hex digits: write \\x0a or double the backslash";
          return false;
        }
        *word += static_cast<char>(high * 16 + low);
        rest.remove_prefix(2);
        break;
      }
      default:
        *word += c;
    }
  }
  *error = "a quoted word does not end: close it with a double quote";
  return false;
}

}  // namespace resprobe
