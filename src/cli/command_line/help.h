#ifndef RESPROBE_CLI_COMMAND_LINE_HELP_H_
#define RESPROBE_CLI_COMMAND_LINE_HELP_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "cli/command_line/verb.h"

namespace resprobe::cli {

// The number of columns for text on `fd`: if that is a terminal $COLUMNS, or the terminal's own
// value; otherwise 80. From 40 to 120.
size_t TextWidth(int fd);

// The number of columns of UTF-8 text, one for each character.
size_t Columns(std::string_view text);

// Breaks each line of `text` at blanks so that none is longer than `width` columns, where possible.
// Lines begin with `indent` blanks; the continuation of a line that itself begins with blanks is
// indented by two more than that line. Ends with a line feed unless it is empty.
std::string Wrap(std::string_view text, size_t indent, size_t width);

// "fuzz [OPTION…] [HARNESS…]": the verb as it is typed. `path` is its names, empty for the root.
std::string Synopsis(const Verb& verb, const std::string& path);
// "--time TIME", "-o, --output FILE", "HARNESS…".
std::string OptionTerm(const Option& option);
// The description of the option, with its default.
std::string OptionText(const Option& option);
// The headings of a verb's options in the order of their first option; "" means "Options".
// Positional arguments and hidden options have no heading.
std::vector<std::string> OptionGroups(const Verb& verb);

// The output of --help.
std::string HelpText(const Verb& verb, const std::string& path, size_t width);

// The output of --help of all verbs of `root`, without those of the script itself, 80 columns wide:
// scripts/help.txt, which ./resprobe prints before the program is built. Each begins with a line
// "@ PATH".
std::string HelpList(const Verb& root);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_COMMAND_LINE_HELP_H_
