#ifndef RESPROBE_CLI_OUTPUT_OPTIONS_H_
#define RESPROBE_CLI_OUTPUT_OPTIONS_H_

#include "cli/command_line/verb.h"
#include "runner/output.h"

namespace resprobe::cli {

// Adds --format console|json and --output FILE, under a heading of their own.
void AddOutputOptions(Verb* verb, runner::OutputOptions* output);
// The same with all formats of a report (report/writers.h): for a verb that has a campaign.
void AddReportOptions(Verb* verb, runner::OutputOptions* output);

// Adds --watch PORT to the same heading, for a verb that shows its report while it is made.
void AddWatchOption(Verb* verb, runner::OutputOptions* output);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_OUTPUT_OPTIONS_H_
