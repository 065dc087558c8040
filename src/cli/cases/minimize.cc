// minimize: finds the smallest case that fails in the same way.

#include <absl/strings/str_format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>

#include "cli/cases/case_runners.h"
#include "cli/oracle/live_runners.h"
#include "cli/verbs.h"
#include "findings/campaign.h"
#include "findings/finding_store.h"
#include "runner/harness_process.h"
#include "runner/process.h"
#include "runner/project.h"
#include "runner/text.h"
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

// The finding of this case, if its folder was named.
std::optional<findings::StoredFailure> FindingOf(const std::string& named) {
  if (!findings::IsFinding(named)) return std::nullopt;
  return findings::ReadFinding(named);
}

// Updates the failure with the smaller case.
void Update(const findings::SmallCase& small, const std::string& text, findings::Failure* failure) {
  findings::FailingCase& input = failure->input;
  input.tape = small.tape;
  input.text = text;
  input.minimized = !small.interrupted;
  input.ops_before = std::max(input.ops_before, small.ops_before);
  input.ops_after = small.ops_after;
  input.bytes_after = small.tape.size();
  input.candidates += small.candidates;
  failure->interrupted = small.interrupted;
  if (small.interrupted || !small.reproduced) return;
  failure->replays = true;
  failure->what = small.outcome.what;
  failure->hash = small.outcome.hash;
}

// The hunt for stale reads names what happened before a failure, "… after kill, flush"; a smaller
// case may need less of it.
std::string_view WithoutHistory(std::string_view signature) {
  return signature.substr(0, signature.find(" after "));
}

// Renames the folder if its failure has a new signature, and says so. What stands before the old
// one in the folder's name (the server that it was found on) stays.
fs::path Renamed(findings::FindingStore& store, const findings::StoredFailure& finding,
                 const std::string& as_filed) {
  if (finding.failure.what.signature == as_filed) return finding.folder;
  const std::string name = finding.folder.filename().string();
  const size_t at = name.find(findings::FileNameOf(as_filed));
  if (at == std::string::npos) return finding.folder;  // named by its user
  const std::string prefix = name.substr(0, at);
  const findings::RunSpec& run = finding.failure.run;
  const auto other = store.Find(run.harness, prefix, finding.failure.what.signature, &run.server);
  std::printf("was filed as: %s\n", runner::TerminalText(as_filed).c_str());
  if (other) {
    std::printf("the same as:  %s: one of them can go\n",
                runner::TerminalText(other->folder.string()).c_str());
  }
  return store.Rename(finding.folder, prefix, finding.failure);
}

int RunMinimize(const MinimizeOptions& options) {
  const runner::Project project = runner::OpenProject();
  // Before anything else, since the report of a finding may be damaged.
  std::optional<findings::StoredFailure> finding = FindingOf(options.file);
  const std::vector<fs::path> cases = runner::CasesOf({options.file});
  if (cases.size() != 1) {
    throw runner::UserError(options.file + ": holds " + std::to_string(cases.size()) +
                            " cases: minimize takes one");
  }
  fs::path file = cases[0];
  std::error_code error;
  if (finding && !finding->failure.input.minimized && fs::exists(file.parent_path() / "original")) {
    file = file.parent_path() / "original";
  }
  RunOverrides overrides;
  overrides.harness = options.harness;
  overrides.limits = {options.timeout_seconds, options.rss_mb};
  if (options.server.given()) {
    overrides.live =
        ToRunSpec(options.server, options.server.unmodelled ? "robustness" : "oracle", "");
  }
  const findings::RunSpec spec = SpecOf(project, file, overrides);
  // Without --output, the result replaces the case in the folder of the finding.
  const bool into_folder = finding && options.output.empty();
  fs::path output = into_folder              ? finding->folder / "case"
                    : options.output.empty() ? fs::path(file.string() + ".min")
                                             : fs::path(options.output);
  runner::CheckWritable(output);
  const std::unique_ptr<findings::CaseRunner> runner = OpenRunner(project, spec);
  const std::string tape_before = runner->TapeOf(file);
  const size_t bytes_before =
      runner::ReadFile(file).starts_with("ops ") ? tape_before.size() : fs::file_size(file, error);
  findings::ShrinkLimits limits;
  limits.progress = [](const std::string& line) {
    std::fprintf(stderr, "minimizing: %s\n", line.c_str());
  };
  const findings::SmallCase small = runner->Shrink(file, limits);
  if (!small.failed) {
    throw runner::UserError(file.string() + ": " + runner->WhySound() +
                            ", so there is nothing to minimize");
  }
  if (small.interrupted) runner::ForgetInterrupts();
  const bool minimal = small.reproduced && !small.interrupted && small.tape == tape_before;
  const bool known_minimal = !into_folder || finding->failure.input.minimized;
  const auto print_result = [&] {
    if (minimal) {
      absl::PrintF("%s: is minimal already: %d ops, %d bytes, %s tried\n", project.Shown(file),
                   small.ops_after, bytes_before, findings::Plural(small.candidates, "candidate"));
    } else {
      absl::PrintF("%s: %d -> %d ops, %d -> %d bytes, %s tried\n", project.Shown(file),
                   small.ops_before, small.ops_after, bytes_before, small.tape.size(),
                   findings::Plural(small.candidates, "candidate"));
    }
    std::printf("signature: %s\n", small.outcome.what.signature.c_str());
    if (!small.limit.empty()) std::printf("%s ended it\n", small.limit.c_str());
  };
  if (minimal && known_minimal && options.output.empty()) {
    print_result();
    return runner::kAllWell;
  }
  runner::TempFolder temp;
  const fs::path tape = temp.path() / "case";
  runner::WriteFile(tape, small.tape);
  if (into_folder) {
    const std::string signature = finding->failure.what.signature;
    // A case that is not small yet is filed as what it shows; a small one shows its cause.
    const bool as_met = !finding->failure.input.minimized;
    Update(small, runner->TextOf(tape), &finding->failure);
    finding->failure.run = runner->spec();
    if (!as_met && !findings::SameFailure(finding->failure.what.signature, signature) &&
        WithoutHistory(finding->failure.what.signature) != WithoutHistory(signature)) {
      throw runner::UserError(options.file + ": was filed as " + signature + " and fails as " +
                              finding->failure.what.signature +
                              ": name its case file, and --output");
    }
    findings::FindingStore store(project);
    finding->folder = Renamed(store, *finding, signature);
    store.Write(finding->folder, finding->failure, small.outcome.files);
    output = finding->folder / "case";
  } else {
    runner::WriteFile(output, output.extension() == ".ops" ? runner->TextOf(tape) : small.tape);
  }
  if (small.interrupted) {
    std::printf("interrupted; the smallest so far is written: %s\n", project.Shown(output).c_str());
    return runner::kInterrupted;
  }
  print_result();
  std::printf("written:   %s\n", project.Shown(output).c_str());
  return runner::kAllWell;
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
      "Nothing is written for a case that is minimal already, except with --output. Ctrl-C writes "
      "the smallest case found by then.";
  verb.examples = {{"minimize crash-da39a3ee --harness resp_parser -o small.ops",
                    "shrinks a tape and writes it as text"},
                   {"minimize case.ops --start valkey-server",
                    "shrinks a case that shows a difference to a server"}};
  verb.exit_codes =
      "0 written, or minimal already, 2 the case does not fail, or wrong use, 130 interrupted.";
  verb.Argument("CASE", &options->file, "A tape or .ops text")
      .Required()
      .Complete(Completion::kFile);
  verb.Text("--output", "FILE", &options->output, "Where to write it; .ops text if FILE ends so")
      .Short("-o")
      .ShowDefault("CASE.min")
      .Complete(Completion::kFile);
  verb.Text("--harness", "NAME", &options->harness, "The harness of the case")
      .Complete(Completion::kHarness);
  verb.Number("--timeout", "SECONDS", &options->timeout_seconds, 1, runner::kMostSeconds,
              "A run that takes longer is a timeout")
      .ShowDefault();
  verb.Number("--rss", "MB", &options->rss_mb, 1, runner::kMostMegabytes,
              "A run that takes more is out of memory")
      .ShowDefault();
  options->server.AddTo(&verb, {.sandbox = true});
  verb.run = [=] { return RunMinimize(*options); };
  return verb;
}

}  // namespace resprobe::cli
