#ifndef RESPROBE_CLI_COMMAND_LINE_COMPLETION_H_
#define RESPROBE_CLI_COMMAND_LINE_COMPLETION_H_

#include <string>
#include <vector>

#include "cli/command_line/verb.h"

namespace resprobe::cli {

// Scripts with which a shell completes `resprobe` and `./resprobe`: verbs, options, and values
// (choices, names of harnesses, files, folders, programs). `root` has all verbs.
std::string BashCompletion(const Verb& root, const std::vector<std::string>& harnesses);
std::string ZshCompletion(const Verb& root, const std::vector<std::string>& harnesses);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_COMMAND_LINE_COMPLETION_H_
