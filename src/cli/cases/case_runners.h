#ifndef RESPROBE_CLI_CASES_CASE_RUNNERS_H_
#define RESPROBE_CLI_CASES_CASE_RUNNERS_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "findings/case_runner.h"
#include "runner/project.h"

namespace resprobe::cli {

// Opens the runner that the spec names. All runners are listed here:
//
//   process      in a process of a harness binary
//   io           the same for io_live, with its peer and client: options "peer", "client", "qdisc"
//   oracle       on the core and a live server, reply by reply
//   robustness   on a live server that is watched: options "dangerous", "memory"
//   query        queries on the RediSearch of a live server and the core's parser: option "memory"
//   restore      values for RESTORE on a live server that is watched: options "memory",
//                "assertions"
//   check_tools  files, on the programs that check those of the server: option "memory"
//   model        on a live server with the core beside it, as clients of `invalidation`
//   crash        cases of durability on a live server on a simulated disk, in a sandbox
//   life         histories, by living their lives again on a live server, or without one in
//                simulation: option "plant" (cli/simulate/life_runner.h)
//   workers      on caching workers in front of a live server, or on a foreign cache: see
//                cli/cache/workers_runner.h
//
// Throws UserError, in one line, if there is no such runner, harness or server.
std::unique_ptr<findings::CaseRunner> OpenRunner(const runner::Project& project,
                                                 findings::RunSpec spec);

// True if that runner uses a live server, and no harness.
bool IsLive(std::string_view runner);
// True if the runner needs the binary of the harness: the others run cases in this process.
bool RunsInHarness(std::string_view runner);
// True if it can print a trace, and run a case twice to compare traces.
bool Traces(std::string_view runner);
// How many runs the runner makes of a case before it says that it does not fail; more than 1 if
// chance decides too.
int AttemptsOf(const findings::RunSpec& spec);

// The verb that found a failure. A report of an earlier version does not name it: the verb whose
// runner it has.
std::string VerbOf(const findings::Failure& failure);

// What a user specifies besides a case: how to run it, if not as it was found.
struct RunOverrides {
  std::string harness;
  // A server, with a runner for cases of command_handler: "oracle" or "robustness".
  std::optional<findings::RunSpec> live;
  // The defaults mean: not specified.
  findings::RunLimits limits;
};

// How to run a case: as the user says, otherwise as its finding or its "# Run:" line says,
// otherwise in a process of its harness. Throws UserError if the harness cannot be determined.
findings::RunSpec SpecOf(const runner::Project& project, const fs::path& file,
                         const RunOverrides& overrides);

// A case as `.ops` text, or raw bytes with notes. `harness` is as in Project::HarnessOfCase().
// Needs no server. Throws UserError.
std::string TextOfCase(const runner::Project& project, const fs::path& file,
                       const std::string& harness);

// The line of a frozen case that says how to run it: "# Run: {…}". Empty for the runner "process".
std::string RunLine(const runner::Project& project, const findings::RunSpec& spec);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CASES_CASE_RUNNERS_H_
