#include "report/escape.h"

#include <absl/strings/str_format.h>

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "runner/text.h"

namespace resprobe::report {
namespace {

// Calls `take` with each character of UTF-8 text: its code point and its bytes.
template <class Take>
void ForEachCharacter(const std::string& text, const Take& take) {
  for (size_t at = 0; at < text.size();) {
    const auto first = static_cast<unsigned char>(text[at]);
    const size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t code = length == 1 ? first : first & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; ++i) {
      code = code << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3fu);
    }
    take(code, std::string_view(text).substr(at, length));
    at += length;
  }
}

bool ChangesDirection(uint32_t code) {
  return (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
         code == 0x200e || code == 0x200f || code == 0x061c;
}

// U+FFFE and U+FFFF, which XML cannot hold, the line separators of JavaScript, and C1 controls.
bool IsOdd(uint32_t code) {
  return (code & 0xfffe) == 0xfffe || code == 0x2028 || code == 0x2029 ||
         (code >= 0x80 && code < 0xa0) || code == 0xfeff;
}

}  // namespace

std::string VisibleText(const std::string& text) {
  std::string visible;
  ForEachCharacter(runner::JsonText(text), [&](uint32_t code, std::string_view bytes) {
    if ((code < 0x20 && code != '\n' && code != '\t') || code == 0x7f) {
      absl::StrAppendFormat(&visible, "\\x%02x", code);
    } else if (ChangesDirection(code) || IsOdd(code)) {
      absl::StrAppendFormat(&visible, "\\u{%x}", code);
    } else {
      visible += bytes;
    }
  });
  return visible;
}

std::string XmlText(const std::string& text) {
  std::string escaped;
  for (const char c : VisibleText(text)) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string MarkdownText(const std::string& text) {
  std::string escaped;
  for (const char c : VisibleText(text)) {
    if (c == '\n' || c == '\t') {
      escaped += ' ';
    } else if (c == '&') {
      escaped += "&amp;";
    } else if (c == '<') {
      escaped += "&lt;";
    } else if (c == '>') {
      escaped += "&gt;";
    } else if (c == '@') {  // no name of a user, who would be told
      escaped += "&#64;";
    } else if (std::string_view("\\`*_[]|~#!$").contains(c)) {
      escaped += '\\';
      escaped += c;
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string MarkdownBlock(const std::string& text) {
  size_t longest = 0;
  size_t run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  const std::string fence(std::max<size_t>(3, longest + 1), '`');
  std::string content = VisibleText(text);
  while (content.ends_with('\n')) content.pop_back();
  return fence + "text\n" + content + "\n" + fence + "\n";
}

std::string UriOf(const std::string& path) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
  std::string uri;
  for (const char c : path) {
    if (kPlain.contains(c)) {
      uri += c;
    } else {
      absl::StrAppendFormat(&uri, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return uri;
}

}  // namespace resprobe::report
