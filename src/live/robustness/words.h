#ifndef RESPROBE_LIVE_ROBUSTNESS_WORDS_H_
#define RESPROBE_LIVE_ROBUSTNESS_WORDS_H_

#include <string_view>

namespace resprobe::live {

// True if `text` is the word `upper` (given in upper case), ignoring case, as servers compare.
inline bool IsWord(std::string_view text, std::string_view upper) {
  if (text.size() != upper.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c) != upper[i]) return false;
  }
  return true;
}

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ROBUSTNESS_WORDS_H_
