#ifndef RESPROBE_CLI_PROGRAM_H_
#define RESPROBE_CLI_PROGRAM_H_

#include <string>
#include <vector>

namespace resprobe::cli {

// The program `resprobe` with these arguments after its name. Returns the exit code; what is wrong
// is one line on standard error.
int RunProgram(const std::vector<std::string>& arguments);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_PROGRAM_H_
