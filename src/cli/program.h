#ifndef RESPROBE_CLI_PROGRAM_H_
#define RESPROBE_CLI_PROGRAM_H_

#include <string>
#include <vector>

namespace resprobe::cli {

// Runs `resprobe` with these arguments (without the program's name). Returns the exit code; an
// error is one line on standard error. `--check-only VERB …` only checks the command line;
// `--usage-list` prints scripts/command-line.txt.
int RunProgram(const std::vector<std::string>& arguments);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_PROGRAM_H_
