#include "runner/text.h"

#include <absl/strings/str_format.h>

#include <string_view>

#include "runner/json.h"

namespace resprobe::runner {
namespace {

// Replaces the bytes for which `is_escaped` is true by \xHH.
template <class IsEscaped>
std::string Escaped(const std::string& bytes, const IsEscaped& is_escaped) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (!is_escaped(byte)) {
      text += c;
      continue;
    }
    absl::StrAppendFormat(&text, "\\x%02x", byte);
  }
  return text;
}

}  // namespace

std::string Grouped(uint64_t number) {
  std::string text = std::to_string(number);
  for (size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::string JsonText(const std::string& bytes) {
  // nlohmann::json throws at a byte that is not part of UTF-8; such bytes are escaped.
  try {
    (void)Json(bytes).dump();
    return bytes;
  } catch (const Json::exception&) {
    return Escaped(bytes, [](unsigned char byte) { return byte >= 0x80; });
  }
}

std::string TerminalText(const std::string& bytes) {
  return Escaped(JsonText(bytes), [](unsigned char byte) { return byte < 0x20 || byte == 0x7f; });
}

std::string Slug(const std::string& text) {
  std::string slug;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (plain) {
      slug += c;
    } else if (!slug.empty() && slug.back() != '-') {
      slug += '-';
    }
  }
  return slug.substr(0, 80);
}

std::string ShellWord(const std::string& text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) return text;
  std::string word = "'";
  for (const char c : text) {
    if (c == '\'') {
      word += "'\\''";
    } else {
      word += c;
    }
  }
  return word + "'";
}

}  // namespace resprobe::runner
