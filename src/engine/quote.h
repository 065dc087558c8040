#ifndef RESPROBE_ENGINE_QUOTE_H_
#define RESPROBE_ENGINE_QUOTE_H_

#include <string>
#include <string_view>

namespace resprobe {

// Appends `bytes` in double quotes, with the escapes of redis-cli (\n \r \t \a \b \" \\ \xHH).
void AppendQuoted(std::string* out, std::string_view bytes);

// Appends `bytes` as one word of `.ops` text: bare where that is unambiguous, otherwise quoted.
void AppendWord(std::string* out, std::string_view bytes);

// The words as one line of `.ops` text.
template <class Words>
std::string WordsLine(const Words& words) {
  std::string line;
  for (const std::string_view word : words) {
    if (!line.empty()) line += ' ';
    AppendWord(&line, word);
  }
  return line;
}

// Removes one word from the front of `*line` (after blanks), unescapes it into `*word` and sets
// `*quoted` if it was quoted. False at the end of the line, or at a malformed word; then sets
// `*error` as well.
bool TakeWord(std::string_view* line, std::string* word, bool* quoted, std::string* error);

}  // namespace resprobe

#endif  // RESPROBE_ENGINE_QUOTE_H_
