// replay and minimize with --server, --unix or --start, for cases of `invalidation`: the model and
// a live server.

#include <cstdio>

#include "cli/oracle/model_session.h"
#include "findings/live_run.h"
#include "runner/json.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

constexpr size_t kCandidates = 20'000;

void CheckOptions(const LiveOptions& options) {
  if (options.unmodelled) {
    throw UserError("--unmodelled is for cases of command_handler, not of invalidation");
  }
}

}  // namespace

int ReplayOnModelServer(const LiveOptions& options, const std::vector<fs::path>& cases, bool quiet,
                        const OutputOptions& output) {
  CheckOptions(options);
  const Project project = OpenProject();
  ModelSession server(options);
  Json json = {{"server", server.version()}, {"profile", std::string(server.profile())}};
  const auto run = [&](const fs::path& file) {
    Arena arena;
    InvalidationCase c;
    ReadCase(file, &arena, &c);
    LiveOutcome outcome;
    outcome.ops = c.ops.size();
    if (const std::optional<ModelFailure> failure = server.Run(c)) {
      outcome.word = failure->difference ? "difference" : "violation";
      outcome.signature = failure->signature;
      outcome.op = failure->op;
      outcome.text = Describe(*failure);
      outcome.report = ToJson(*failure);
    }
    return outcome;
  };
  const size_t differ = ReplayCases(project, cases, quiet, output, run, &json);
  const live::PairCounts& counts = server.pair().counts();
  if (output.text_on_stdout()) {
    std::printf("%zu case%s on %s and the model: %zu differ\n%s", cases.size(),
                cases.size() == 1 ? "" : "s", server.version().c_str(), differ,
                Describe(counts, server.pair().sets_clock()).c_str());
  }
  json["counts"] = ToJson(counts);
  json["sets_clock"] = server.pair().sets_clock();
  if (output.json()) output.Write(json);
  return differ == 0 ? kAllWell : kFinding;
}

int MinimizeOnModelServer(const LiveOptions& options, const fs::path& file,
                          const fs::path& output) {
  CheckOptions(options);
  const Project project = OpenProject();
  CheckWritable(output);
  ModelSession server(options);
  return MinimizeCase<live::InvalidationLiveWorld>(
      project, file, output, [&](Arena* arena, InvalidationCase* c) {
        const std::optional<ModelFailure> failure = server.Run(*c);
        if (!failure && Interrupted()) throw Interruption();
        if (!failure) {
          throw UserError(file.string() + ": the model and " + server.version() +
                          " do not differ, so there is nothing to minimize");
        }
        Minimized minimized;
        minimized.signature = failure->signature;
        minimized.candidates = server.Shrink(failure->signature, kCandidates, arena, c);
        return minimized;
      });
}

}  // namespace resprobe::cli
