#include "engine/ops_text.h"

namespace resprobe::ops_text {

bool TakeLine(std::string_view* text, std::string_view* line) {
  if (text->empty()) return false;
  const size_t end = text->find('\n');
  *line = text->substr(0, end);
  text->remove_prefix(end == std::string_view::npos ? text->size() : end + 1);
  return true;
}

std::string SplitLine(std::string_view line, std::vector<Word>* words) {
  words->clear();
  std::string error;
  Word word;
  while (TakeWord(&line, &word.text, &word.quoted, &error)) words->push_back(word);
  return error;
}

std::string HarnessOf(std::string_view text) {
  std::string_view line;
  std::vector<Word> words;
  while (TakeLine(&text, &line)) {
    if (!SplitLine(line, &words).empty()) return "";
    if (words.empty()) continue;
    return words.size() == 2 && words[0].text == "ops" ? words[1].text : "";
  }
  return "";
}

}  // namespace resprobe::ops_text
