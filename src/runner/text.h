#ifndef RESPROBE_RUNNER_TEXT_H_
#define RESPROBE_RUNNER_TEXT_H_

#include <cstdint>
#include <string>

namespace resprobe::runner {

// 1234567 -> "1,234,567".
std::string Grouped(uint64_t number);

// Converts bytes to text that JSON can hold: bytes that are not UTF-8 become \xHH.
std::string JsonText(const std::string& bytes);
// Converts bytes to a line that a terminal can show: control characters become \xHH as well.
std::string TerminalText(const std::string& bytes);

// Converts a text to part of a file name: letters, digits and '-', at most 80 bytes.
std::string Slug(const std::string& text);

// Quotes a word for a shell, in single quotes if necessary.
std::string ShellWord(const std::string& text);

}  // namespace resprobe::runner

#endif  // RESPROBE_RUNNER_TEXT_H_
