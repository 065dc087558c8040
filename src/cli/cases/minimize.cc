// minimize: the smallest case found that fails in the same way.

#include <cstdio>
#include <memory>

#include "cli/oracle/model_session.h"
#include "cli/oracle/oracle_session.h"
#include "cli/verbs.h"
#include "findings/descriptor.h"
#include "runner/harness_process.h"
#include "runner/project.h"
#include "runner/user_error.h"
#include "runner/whole_number.h"

namespace resprobe::cli {
namespace {

struct MinimizeOptions {
  std::string file;
  std::string output;
  std::string harness;
  int timeout_seconds = 25;
  size_t rss_mb = 2048;
  LiveOptions server;
};

unsigned long long Wide(uint64_t number) { return number; }

int RunMinimize(const MinimizeOptions& options) {
  const Project project = OpenProject();
  const std::vector<fs::path> cases = CasesOf({options.file});
  if (cases.size() != 1) {
    throw UserError(options.file + ": holds " + std::to_string(cases.size()) +
                    " cases: minimize takes one");
  }
  const fs::path& file = cases[0];
  const HarnessEntry& harness = project.HarnessOfCase(file, options.harness);
  const fs::path output =
      options.output.empty() ? fs::path(file.string() + ".min") : fs::path(options.output);
  if (options.server.given()) {
    if (harness.corpus == InvalidationWorld::kName) {
      return MinimizeOnModelServer(options.server, file, output);
    }
    return MinimizeOnServer(options.server, file, output, options.harness);
  }
  const bool as_text = output.extension() == ".ops";
  CheckWritable(output);
  TempFolder temp;
  const fs::path tape = temp.path() / "case";
  const auto write = [&] {
    WriteFile(output, as_text ? CaseText(harness, AskInfo(harness), tape) : ReadFile(tape));
  };
  Shrunk shrunk;
  try {
    shrunk = Shrink(harness, file, tape, options.timeout_seconds, options.rss_mb);
  } catch (const Interruption&) {
    std::error_code error;
    if (!fs::exists(tape, error)) throw;
    ForgetInterrupts();
    write();
    std::printf("interrupted; the smallest so far is written: %s\n", project.Shown(output).c_str());
    return kInterrupted;
  }
  if (shrunk.signature.empty()) {
    throw UserError(file.string() + ": does not fail in " + harness.name +
                    ", so there is nothing to minimize");
  }
  write();
  std::printf("%s: %llu -> %llu ops, %llu -> %llu bytes, %llu candidates tried\n",
              project.Shown(file).c_str(), Wide(shrunk.ops_before), Wide(shrunk.ops_after),
              Wide(shrunk.bytes_before), Wide(shrunk.bytes_after), Wide(shrunk.candidates));
  std::printf("signature: %s\n", shrunk.signature.c_str());
  std::printf("written:   %s\n", project.Shown(output).c_str());
  return kAllWell;
}

}  // namespace

Verb MinimizeVerb() {
  const auto options = std::make_shared<MinimizeOptions>();
  Verb verb("minimize", "shrink a failing case");
  verb.details =
      "Works for violations, sanitizer reports, timeouts and out-of-memory. What is written breaks "
      "the same invariant, or crashes with the same top frames.\n"
      "With --server, --unix or --start: what is written shows the same difference between the "
      "core and that server (./resprobe oracle, ./resprobe model-check).\n"
      "Ctrl-C writes the smallest case found by then.";
  verb.examples = {{"minimize crash-da39a3ee --harness resp_parser -o small.ops",
                    "shrinks a tape and writes it as text"},
                   {"minimize case.ops --start valkey-server",
                    "shrinks a case that shows a difference to a server"}};
  verb.exit_codes = "0 written, 2 the case does not fail, or wrong use, 130 interrupted.";
  verb.Argument("CASE", &options->file, "A tape or .ops text")
      .Required()
      .Complete(Completion::kFile);
  verb.Text("--output", "FILE", &options->output, "Where to write it; .ops text if FILE ends so")
      .Short("-o")
      .ShowDefault("CASE.min")
      .Complete(Completion::kFile);
  verb.Text("--harness", "NAME", &options->harness, "The harness of the case")
      .Complete(Completion::kHarness);
  verb.Number("--timeout", "SECONDS", &options->timeout_seconds, 1, kMostSeconds,
              "A run that takes longer is a timeout")
      .ShowDefault();
  verb.Number("--rss", "MB", &options->rss_mb, 1, kMostMegabytes,
              "A run that takes more is out of memory")
      .ShowDefault();
  options->server.AddTo(&verb);
  verb.run = [=] { return RunMinimize(*options); };
  return verb;
}

}  // namespace resprobe::cli
