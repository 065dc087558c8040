#ifndef RESPROBE_CLI_CASES_CASE_RUNNERS_H_
#define RESPROBE_CLI_CASES_CASE_RUNNERS_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "findings/case_runner.h"
#include "runner/project.h"

namespace resprobe::cli {

// Opens what runs cases in the way that the spec says. The one place that knows every runner:
//
//   process      in a process of a harness binary
//   io           the same for io_live, with its peer and client: options "peer", "client", "qdisc"
//   oracle       on the core and a live server, reply for reply
//   robustness   on a live server that is watched: options "dangerous", "memory"
//   model        on a live server with the model of `invalidation` beside it
//
// Throws UserError, in one line, if there is no such runner, harness or server.
std::unique_ptr<CaseRunner> OpenRunner(const Project& project, RunSpec spec);

// Whether cases of that runner go to a live server.
bool IsLive(std::string_view runner);

// What a user gives besides a case: how to run it, if not as it was found.
struct RunOverrides {
  std::string harness;
  // A server, with a runner for cases of command_handler: "oracle" or "robustness".
  std::optional<RunSpec> live;
  // Equal to the usual ones: none given.
  RunLimits limits;
};

// How a case is run: as the user says, else as its finding or its "# Run:" line says, else in a
// process of its harness. Throws UserError where that cannot be told.
RunSpec SpecOf(const Project& project, const fs::path& file, const RunOverrides& overrides);

// The line of a frozen case that says how it is run: "# Run: {…}". Empty for a process.
std::string RunLine(const Project& project, const RunSpec& spec);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CASES_CASE_RUNNERS_H_
