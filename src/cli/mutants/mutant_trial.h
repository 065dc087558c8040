#ifndef RESPROBE_CLI_MUTANTS_MUTANT_TRIAL_H_
#define RESPROBE_CLI_MUTANTS_MUTANT_TRIAL_H_

#include <optional>

#include "cli/mutants/mutant_results.h"
#include "findings/failure.h"
#include "runner/project.h"

namespace resprobe::cli {

// Runs one trial to its first failure or to the end of its time. `seeds` is a folder with the tapes
// of the repository's seeds, which need not exist. Returns nothing if Ctrl-C ended it before it
// showed anything. Throws UserError if the harness or a server cannot run. May run in any thread.
std::optional<TrialResult> RunTrial(const runner::Project& project, const Trial& trial,
                                    const fs::path& seeds, const findings::RunLimits& limits);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_MUTANTS_MUTANT_TRIAL_H_
