// replay and minimize with --server, --unix or --start: one case on the core and a live server.

#include <cstdio>

#include "cli/oracle/oracle_session.h"
#include "cli/oracle/robustness_session.h"
#include "findings/live_run.h"
#include "runner/json.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

constexpr size_t kCandidates = 20'000;

void CheckHarness(const Project& project, const fs::path& file, const std::string& given) {
  const HarnessEntry& harness = project.HarnessOfCase(file, given);
  if (harness.corpus != CommandWorld::kName) {
    throw UserError(file.string() + ": is a case of " + harness.name +
                    ", and only those of command_handler and invalidation run against a server");
  }
}

}  // namespace

int ReplayOnServer(const LiveOptions& options, const std::vector<fs::path>& cases,
                   const std::string& given, bool quiet, const OutputOptions& output) {
  const Project project = OpenProject();
  for (const fs::path& file : cases) CheckHarness(project, file, given);
  if (options.unmodelled) return ReplayUnmodelled(options, cases, quiet, output);
  OracleSession server(options);
  Json json = {{"server", server.target().version()}, {"profile", std::string(server.profile())}};
  const auto run = [&](const fs::path& file) {
    Arena arena;
    CommandCase c;
    ReadCase(file, &arena, &c);
    return OutcomeOf<live::Difference>(c.ops.size(), "difference", server.Run(c), Describe, ToJson);
  };
  const size_t differ = ReplayCases(project, cases, quiet, output, run, &json);
  if (output.text_on_stdout() && (cases.size() > 1 || quiet)) {
    std::printf("%zu cases on %s and the core: %zu differ, %s requests compared\n", cases.size(),
                server.target().version().c_str(), differ,
                Grouped(server.oracle().counts().requests).c_str());
  }
  for (const auto& [reason, count] : server.oracle().counts().left_out) {
    if (output.text_on_stdout()) {
      std::printf("left out, %s: %s\n", reason.c_str(), Grouped(count).c_str());
    }
    json["left_out"][reason] = count;
  }
  if (output.json()) output.Write(json);
  return differ == 0 ? kAllWell : kFinding;
}

int MinimizeOnServer(const LiveOptions& options, const fs::path& file, const fs::path& output,
                     const std::string& given) {
  const Project project = OpenProject();
  CheckHarness(project, file, given);
  if (options.unmodelled) return MinimizeUnmodelled(options, file, output);
  CheckWritable(output);
  OracleSession server(options);
  return MinimizeCase<CommandWorld>(project, file, output, [&](Arena* arena, CommandCase* c) {
    const std::optional<live::Difference> difference = server.Run(*c);
    if (!difference && Interrupted()) throw Interruption();
    if (!difference) {
      throw UserError(file.string() + ": the core and " + server.target().version() +
                      " do not differ, so there is nothing to minimize");
    }
    const std::string signature = difference->Signature();
    Minimized minimized;
    minimized.signature = signature;
    minimized.candidates = server.Shrink(signature, kCandidates, arena, c);
    return minimized;
  });
}

}  // namespace resprobe::cli
