#ifndef RESPROBE_CORE_TABLE_LETTER_CASE_H_
#define RESPROBE_CORE_TABLE_LETTER_CASE_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace resprobe {

// The text with its ASCII letters in lower case, as names of commands are in the table.
inline std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 0x20) : c;
  return lower;
}

// … in upper case, as literal words are in syntaxes.
inline std::string UpperCase(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c;
  return upper;
}

// True if the text is `lower`, which is in lower case, but for the case of its ASCII letters.
inline bool EqualsIgnoringCase(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] + 0x20) : text[i];
    if (c != lower[i]) return false;
  }
  return true;
}

}  // namespace resprobe

#endif  // RESPROBE_CORE_TABLE_LETTER_CASE_H_
