#ifndef RESPROBE_CLI_COMMAND_LINE_PARSE_H_
#define RESPROBE_CLI_COMMAND_LINE_PARSE_H_

#include <string>
#include <vector>

#include "cli/command_line/verb.h"

namespace resprobe::cli {

struct Parsed {
  enum class What { kRun, kHelp, kWrongUse } what = What::kRun;
  const Verb* verb = nullptr;  // the innermost verb that the arguments name, possibly the root
  std::string path;            // its names, "corpus check"; empty for the root
  std::string error;           // for kWrongUse: one line
};

// Parses the arguments after the program's name, with `root` as the verb that contains all verbs.
// If they are valid, sets the targets of the given options; otherwise sets none.
Parsed Parse(const Verb& root, std::vector<std::string> arguments);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_COMMAND_LINE_PARSE_H_
