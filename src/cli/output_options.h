#ifndef RESPROBE_CLI_OUTPUT_OPTIONS_H_
#define RESPROBE_CLI_OUTPUT_OPTIONS_H_

#include "cli/command_line/verb.h"
#include "runner/output.h"

namespace resprobe::cli {

// Adds --format text|json and --output FILE, under a heading of their own.
void AddOutputOptions(Verb* verb, runner::OutputOptions* output);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_OUTPUT_OPTIONS_H_
