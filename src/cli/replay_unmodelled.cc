// replay and minimize with --unmodelled: one case on a live server that is watched.

#include <cstdio>

#include "cli/call_server.h"
#include "cli/files.h"
#include "cli/process.h"
#include "cli/user_error.h"
#include "engine/ops_text.h"

namespace resprobe::cli {
namespace {

constexpr size_t kCandidates = 20'000;
constexpr double kShrinkSeconds = 3600;

}  // namespace

int ReplayUnmodelled(const LiveOptions& options, const std::vector<fs::path>& cases, bool quiet,
                     const OutputOptions& output) {
  const Project project = OpenProject();
  CallServer server(options);
  Json json = {{"server", server.target().version()}, {"cases", Json::array()}};
  size_t faults = 0;
  for (const fs::path& file : cases) {
    if (Interrupted()) throw Interruption();
    Arena arena;
    CommandCase c;
    ReadCommandCase(file, &arena, &c);
    const std::optional<live::Fault> fault = server.Run(c);
    faults += fault ? 1 : 0;
    if (output.text_on_stdout() && (fault || !quiet)) {
      std::printf("%-10s %s  ops %zu\n", fault ? "fault" : "ok", project.Shown(file).c_str(),
                  c.ops.size());
      if (fault) {
        std::printf("  signature: %s\n  at op:     %zu\n%s", fault->Signature().c_str(), fault->op,
                    Describe(*fault).c_str());
      }
    }
    Json one = fault ? ToJson(*fault) : Json::object();
    one["file"] = JsonText(project.Shown(file));
    one["outcome"] = fault ? "fault" : "ok";
    json["cases"].push_back(std::move(one));
  }
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
  CallServer server(options);
  if (!server.target().own()) {
    throw UserError("minimize --unmodelled restarts the server: use --start");
  }
  Arena arena;
  CommandCase c;
  ReadCommandCase(file, &arena, &c);
  const size_t ops_before = c.ops.size();
  const size_t bytes_before = TapeOf(c).size();
  std::optional<live::Fault> fault = server.Run(c);
  if (!fault) {
    throw UserError(file.string() + ": " + server.target().version() +
                    " bears it, so there is nothing to minimize");
  }
  const CallServer::Shrunk shrunk = server.Shrink(kCandidates, kShrinkSeconds, &arena, &c, &*fault);
  const bool interrupted = Interrupted();
  WriteFile(output, output.extension() == ".ops" ? Print(c) : TapeOf(c));
  std::printf("%s: %zu -> %zu ops, %zu -> %zu bytes, %zu candidates tried%s\n",
              project.Shown(file).c_str(), ops_before, c.ops.size(), bytes_before, TapeOf(c).size(),
              shrunk.candidates, interrupted ? ", interrupted" : "");
  std::printf("signature: %s\nwritten:   %s\n", fault->Signature().c_str(),
              project.Shown(output).c_str());
  return interrupted ? kInterrupted : kAllWell;
}

}  // namespace resprobe::cli
