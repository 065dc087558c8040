// replay and minimize with --server, --unix or --start: one case on the core and a live server.

#include <cstdio>

#include "cli/call_server.h"
#include "cli/files.h"
#include "cli/live_server.h"
#include "cli/process.h"
#include "cli/user_error.h"
#include "engine/generate.h"
#include "engine/ops_text.h"

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
  LiveServer server(options);
  Json json = {{"server", server.target().version()},
               {"profile", std::string(server.profile())},
               {"cases", Json::array()}};
  size_t differ = 0;
  for (const fs::path& file : cases) {
    if (Interrupted()) throw Interruption();
    Arena arena;
    CommandCase c;
    ReadCommandCase(file, &arena, &c);
    const std::optional<live::Difference> difference = server.Run(c);
    differ += difference ? 1 : 0;
    if (output.text_on_stdout() && (difference || !quiet)) {
      std::printf("%-10s %s  ops %zu\n", difference ? "difference" : "ok",
                  project.Shown(file).c_str(), c.ops.size());
      if (difference) {
        std::printf("  signature: %s\n  at op:     %zu\n%s", difference->Signature().c_str(),
                    difference->op, Describe(*difference).c_str());
      }
    }
    Json one = difference ? ToJson(*difference) : Json::object();
    one["file"] = JsonText(project.Shown(file));
    one["outcome"] = difference ? "difference" : "ok";
    json["cases"].push_back(std::move(one));
  }
  if (output.text_on_stdout() && (cases.size() > 1 || quiet)) {
    std::printf("%zu cases on %s and the core: %zu differ, %s requests compared\n", cases.size(),
                server.target().version().c_str(), differ,
                Grouped(server.oracle().counts().requests).c_str());
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
  LiveServer server(options);
  Arena arena;
  CommandCase c;
  ReadCommandCase(file, &arena, &c);
  const size_t ops_before = c.ops.size();
  const size_t bytes_before = TapeOf(c).size();
  const std::optional<live::Difference> difference = server.Run(c);
  if (!difference) {
    throw UserError(file.string() + ": the core and " + server.target().version() +
                    " do not differ, so there is nothing to minimize");
  }
  const size_t tried = server.Shrink(difference->Signature(), kCandidates, &arena, &c);
  const bool interrupted = Interrupted();
  WriteFile(output, output.extension() == ".ops" ? Print(c) : TapeOf(c));
  std::printf("%s: %zu -> %zu ops, %zu -> %zu bytes, %zu candidates tried%s\n",
              project.Shown(file).c_str(), ops_before, c.ops.size(), bytes_before, TapeOf(c).size(),
              tried, interrupted ? ", interrupted" : "");
  std::printf("signature: %s\nwritten:   %s\n", difference->Signature().c_str(),
              project.Shown(output).c_str());
  return interrupted ? kInterrupted : kAllWell;
}

}  // namespace resprobe::cli
