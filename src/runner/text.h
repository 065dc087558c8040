#ifndef RESPROBE_RUNNER_TEXT_H_
#define RESPROBE_RUNNER_TEXT_H_

#include <cstdint>
#include <string>

namespace resprobe::cli {

// 1234567 -> "1,234,567".
std::string Grouped(uint64_t number);

// Any bytes as text that JSON can hold: what is not UTF-8 as \xHH.
std::string JsonText(const std::string& bytes);
// Any bytes as a line that a terminal can show: also control characters as \xHH.
std::string TerminalText(const std::string& bytes);

// A text as part of a file's name: letters, digits and '-', at most 80 bytes.
std::string Slug(const std::string& text);

// A word for a shell to read: in single quotes if need be.
std::string ShellWord(const std::string& text);

}  // namespace resprobe::cli

#endif  // RESPROBE_RUNNER_TEXT_H_
