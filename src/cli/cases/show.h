#ifndef RESPROBE_CLI_CASES_SHOW_H_
#define RESPROBE_CLI_CASES_SHOW_H_

#include <string>
#include <vector>

namespace resprobe::cli {

// Prints the cases that the arguments name (CasesOf()), and for findings what is known about them.
// `harness` applies to all; "" derives it from their paths. Returns the exit code.
int ShowCases(const std::vector<std::string>& arguments, const std::string& harness);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CASES_SHOW_H_
