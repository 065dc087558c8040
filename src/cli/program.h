#ifndef RESPROBE_CLI_PROGRAM_H_
#define RESPROBE_CLI_PROGRAM_H_

#include <string>
#include <vector>

#include "cli/command_line/verb.h"

namespace resprobe::cli {

// Runs the program with the verbs of `root` and these arguments (without the program's name).
// Returns the exit code; an error is one line on standard error. Three options are for the script
// ./resprobe: `--check-only VERB …` only checks the command line, `--usage-list` prints
// scripts/command-line.txt, `--help-list` prints scripts/help.txt.
int RunProgram(const Verb& root, const std::vector<std::string>& arguments);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_PROGRAM_H_
