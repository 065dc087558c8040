#ifndef RESPROBE_RUNNER_OUTPUT_H_
#define RESPROBE_RUNNER_OUTPUT_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace resprobe::cli {

// JSON whose keys keep the order in which they were set.
using Json = nlohmann::ordered_json;

// --format text|json and --output FILE.
struct OutputOptions {
  std::string format = "text";
  std::string file;

  void AddTo(CLI::App* verb);
  // Throws UserError if --output stands without --format json.
  void Check() const;
  bool json() const { return format == "json"; }
  // JSON that goes to stdout leaves no room for text there.
  bool text_on_stdout() const { return !json() || !file.empty(); }
  // Writes to the file, or to stdout.
  void Write(const Json& json) const;
};

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

#endif  // RESPROBE_RUNNER_OUTPUT_H_
