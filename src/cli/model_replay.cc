// replay and minimize with --server, --unix or --start, for cases of `invalidation`: the model and
// a live server.

#include <cstdio>

#include "cli/files.h"
#include "cli/model_server.h"
#include "cli/process.h"
#include "cli/user_error.h"
#include "engine/ops_text.h"

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
  ModelServer server(options);
  Json json = {{"server", server.version()},
               {"profile", std::string(server.profile())},
               {"cases", Json::array()}};
  size_t differ = 0;
  for (const fs::path& file : cases) {
    if (Interrupted()) throw Interruption();
    Arena arena;
    InvalidationCase c;
    ReadInvalidationCase(file, &arena, &c);
    const std::optional<ModelFailure> failure = server.Run(c);
    differ += failure ? 1 : 0;
    const std::string outcome = !failure ? "ok" : failure->difference ? "difference" : "violation";
    if (output.text_on_stdout() && (failure || !quiet)) {
      std::printf("%-10s %s  ops %zu\n", outcome.c_str(), project.Shown(file).c_str(),
                  c.ops.size());
      if (failure) {
        std::printf("  signature: %s\n  at op:     %zu\n%s", failure->signature.c_str(),
                    failure->op, Describe(*failure).c_str());
      }
    }
    Json one = failure ? ToJson(*failure) : Json::object();
    one["file"] = JsonText(project.Shown(file));
    one["outcome"] = outcome;
    json["cases"].push_back(std::move(one));
  }
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
  ModelServer server(options);
  Arena arena;
  InvalidationCase c;
  ReadInvalidationCase(file, &arena, &c);
  const size_t before = c.ops.size();
  const std::optional<ModelFailure> failure = server.Run(c);
  if (!failure) {
    throw UserError(file.string() + ": the model and " + server.version() +
                    " do not differ, so there is nothing to minimize");
  }
  const size_t tried = server.Shrink(failure->signature, kCandidates, &arena, &c);
  const bool interrupted = Interrupted();
  WriteFile(output, output.extension() == ".ops" ? Print(c) : TapeOf(c));
  std::printf("%s: %zu -> %zu ops, %zu candidates tried%s\nsignature: %s\nwritten:   %s\n",
              project.Shown(file).c_str(), before, c.ops.size(), tried,
              interrupted ? ", interrupted" : "", failure->signature.c_str(),
              project.Shown(output).c_str());
  return interrupted ? kInterrupted : kAllWell;
}

}  // namespace resprobe::cli
