#ifndef RESPROBE_CLI_CLOUD_UNIT_H_
#define RESPROBE_CLI_CLOUD_UNIT_H_

#include <cstdint>
#include <string>

#include "cli/cloud/cloud_plan.h"
#include "runner/files.h"

namespace resprobe::cli {

// Does the work of a unit in a process of this program, and leaves its result folder below
// `results`. Does nothing if the result is there and done; one that was interrupted, or has failed,
// is replaced. What attempts that were killed have left is taken up: their corpora and findings.
// Ctrl-C and SIGTERM end the run, whose result is kept as interrupted.
//
// Prints one line about it. Returns 0 if the work was done, whatever it has found, otherwise 1: a
// signal has ended the run, or it says that it cannot be done here; the result has its exit code.
// Throws UserError if the result cannot be written, Interruption after Ctrl-C.
int RunUnit(const CloudPlan& plan, uint64_t number, const fs::path& results);

// True if the result of the unit is there, and done.
bool IsUnitDone(const CloudPlan& plan, uint64_t number, const fs::path& results);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CLOUD_UNIT_H_
