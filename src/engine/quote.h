#ifndef RESPROBE_ENGINE_QUOTE_H_
#define RESPROBE_ENGINE_QUOTE_H_

#include <string>
#include <string_view>

namespace resprobe {

// Appends `bytes` in double quotes, with the escapes of redis-cli (\n \r \t \a \b \" \\ \xHH).
void AppendQuoted(std::string* out, std::string_view bytes);

// Appends `bytes` as one word of `.ops` text: bare where that is unambiguous, else quoted.
void AppendWord(std::string* out, std::string_view bytes);

// Takes one word off the front of `*line` (after blanks), unescapes it into `*word` and says in
// `*quoted` whether it stood in quotes. False at the end of the line; at a malformed word also sets
// `*error` to what is wrong.
bool TakeWord(std::string_view* line, std::string* word, bool* quoted, std::string* error);

}  // namespace resprobe

#endif  // RESPROBE_ENGINE_QUOTE_H_
