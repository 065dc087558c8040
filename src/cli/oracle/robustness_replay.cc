// replay and minimize with --unmodelled: one case on a live server that is watched.

#include <cstdio>

#include "cli/oracle/robustness_session.h"
#include "findings/live_run.h"
#include "runner/json.h"
#include "runner/process.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

constexpr size_t kCandidates = 20'000;
constexpr double kShrinkSeconds = 3600;

}  // namespace

int ReplayUnmodelled(const LiveOptions& options, const std::vector<fs::path>& cases, bool quiet,
                     const OutputOptions& output) {
  const Project project = OpenProject();
  RobustnessSession server(options);
  Json json = {{"server", server.target().version()}};
  const auto run = [&](const fs::path& file) {
    Arena arena;
    CommandCase c;
    ReadCase(file, &arena, &c);
    return OutcomeOf<live::Fault>(c.ops.size(), "fault", server.Run(c), Describe, ToJson);
  };
  const size_t faults = ReplayCases(project, cases, quiet, output, run, &json);
  if (output.text_on_stdout() && (cases.size() > 1 || quiet)) {
    std::printf("%zu cases on %s: %zu faults, %s calls\n", cases.size(),
                server.target().version().c_str(), faults,
                Grouped(server.counts().requests).c_str());
  }
  for (const auto& [reason, count] : server.counts().left_out) {
    if (output.text_on_stdout()) {
      std::printf("not sent, %s: %s\n", reason.c_str(), Grouped(count).c_str());
    }
    json["left_out"][reason] = count;
  }
  if (output.json()) output.Write(json);
  return faults == 0 ? kAllWell : kFinding;
}

int MinimizeUnmodelled(const LiveOptions& options, const fs::path& file, const fs::path& output) {
  const Project project = OpenProject();
  CheckWritable(output);
  RobustnessSession server(options);
  if (!server.target().own()) {
    throw UserError("minimize --unmodelled restarts the server: use --start");
  }
  return MinimizeCase<CommandWorld>(project, file, output, [&](Arena* arena, CommandCase* c) {
    std::optional<live::Fault> fault = server.Run(*c);
    if (!fault && Interrupted()) throw Interruption();
    if (!fault) {
      throw UserError(file.string() + ": " + server.target().version() +
                      " bears it, so there is nothing to minimize");
    }
    const RobustnessSession::Shrunk shrunk =
        server.Shrink(kCandidates, kShrinkSeconds, arena, c, &*fault);
    Minimized minimized;
    minimized.signature = fault->Signature();
    minimized.candidates = shrunk.candidates;
    return minimized;
  });
}

}  // namespace resprobe::cli
