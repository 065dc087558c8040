#ifndef RESPROBE_CORE_TABLE_LETTER_CASE_H_
#define RESPROBE_CORE_TABLE_LETTER_CASE_H_

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

}  // namespace resprobe

#endif  // RESPROBE_CORE_TABLE_LETTER_CASE_H_
