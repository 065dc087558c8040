#ifndef RESPROBE_CLI_CASES_SHOW_H_
#define RESPROBE_CLI_CASES_SHOW_H_

#include <string>
#include <vector>

namespace resprobe::cli {

// Prints the cases that the arguments name (CasesOf()), those of findings with what is known of
// them. `harness`: of all; "" for what their paths say. Returns the exit code.
int ShowCases(const std::vector<std::string>& arguments, const std::string& harness);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CASES_SHOW_H_
