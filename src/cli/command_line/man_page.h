#ifndef RESPROBE_CLI_COMMAND_LINE_MAN_PAGE_H_
#define RESPROBE_CLI_COMMAND_LINE_MAN_PAGE_H_

#include <string>

#include "cli/command_line/verb.h"

namespace resprobe::cli {

// resprobe(1) as man(7) source: all verbs of `root` with their options and examples. `version` is
// the program's.
std::string ManPage(const Verb& root, const std::string& version);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_COMMAND_LINE_MAN_PAGE_H_
