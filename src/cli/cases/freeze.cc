// freeze: turns a failure into a self-contained regression test.

#include <absl/strings/str_format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <sstream>

#include "cli/cases/case_runners.h"
#include "cli/server_options.h"
#include "cli/verbs.h"
#include "findings/finding_store.h"
#include "runner/harness_process.h"
#include "runner/json.h"
#include "runner/process.h"
#include "runner/project.h"
#include "runner/text.h"
#include "runner/user_error.h"
#include "runner/whole_number.h"

namespace resprobe::cli {
namespace {

struct FreezeOptions {
  std::string what;
  std::string output;
  std::string harness;
  ServerOptions server;
  // If not given: those of the report, or the defaults.
  std::optional<int> timeout_seconds;
  std::optional<size_t> rss_mb;
};

// What is frozen.
struct Subject {
  fs::path file;  // a tape or `.ops` text
  findings::RunSpec run;
  std::string signature;  // how it failed when it was filed; "": unknown
  bool minimized = false;
};

Subject FindSubject(const runner::Project& project, const FreezeOptions& options,
                    const fs::path& temp) {
  const std::string& what = options.what;
  std::error_code error;
  RunOverrides overrides;
  overrides.harness = options.harness;
  if (findings::IsFinding(what) ||
      (fs::exists(what, error) && fs::path(what).extension() == ".json")) {
    const findings::StoredFailure stored = findings::ReadFinding(what);
    const findings::Failure& failure = stored.failure;
    Subject subject{CaseFileOf(stored, temp), failure.run, failure.what.signature,
                    failure.input.minimized};
    if (!options.harness.empty()) {
      subject.run.harness = project.Find(options.harness).name;
      subject.run.runner = "process";
    }
    if (!stored.missing.empty() && !options.server.given() && IsLive(subject.run.runner)) {
      throw runner::UserError(what + ": " + stored.missing);
    }
    return subject;
  }
  const std::vector<fs::path> cases = runner::CasesOf({what});
  if (cases.size() != 1) {
    throw runner::UserError(what + ": holds " + std::to_string(cases.size()) +
                            " cases: freeze takes one");
  }
  return {cases[0], SpecOf(project, cases[0], overrides), "", false};
}

// Runs the case, twice if it survives the first run; a case with two different results cannot be a
// test.
findings::CaseOutcome Run(findings::CaseRunner& runner, const fs::path& file) {
  findings::CaseOutcome outcome = runner.RunOne(file, false, true);
  if (outcome.word == "not deterministic" ||
      (!outcome.hash2.empty() && outcome.hash2 != outcome.hash)) {
    throw runner::UserError(file.string() + ": two runs of it differ in " + runner.spec().harness +
                            ", so that it cannot be a test: replay it with --twice --trace");
  }
  return outcome;
}

// "# label: text", with further lines of the text indented; long lines are truncated.
void AddComment(std::string* out, const std::string& label, const std::string& text) {
  constexpr size_t kMostLines = 8;
  constexpr size_t kMostColumns = 160;
  std::istringstream lines(runner::JsonText(text));
  std::string line;
  for (size_t i = 0; std::getline(lines, line); ++i) {
    if (i == kMostLines) line = "…";
    if (line.size() > kMostColumns) {
      size_t end = kMostColumns;
      while ((line[end] & 0xC0) == 0x80) --end;  // not inside a character
      line = line.substr(0, end) + "…";
    }
    out->append("# ").append(i == 0 ? label + ": " : "  ").append(line) += '\n';
    if (i == kMostLines) break;
  }
}

// The case with information about the failure, as comments after its first line.
std::string WithHeader(const runner::Project& project, findings::CaseRunner& runner,
                       const findings::CaseOutcome& red, const std::string& text) {
  const size_t first = text.find('\n') + 1;
  std::string frozen = text.substr(0, first);
  frozen += RunLine(project, runner.spec());
  const findings::Symptom& what = red.what;
  AddComment(&frozen, "Frozen from", what.signature);
  AddComment(&frozen, "Must hold",
             what.invariant.empty() ? what.statement : what.invariant + ": " + what.statement);
  if (what.op) AddComment(&frozen, "At op", findings::OpText(*what.op, red.ops));
  if (!what.expected.empty()) AddComment(&frozen, "Expected", what.expected);
  if (!what.seen.empty()) AddComment(&frozen, "Seen", what.seen);
  const Json versions = runner.Versions();
  AddComment(&frozen, "Failed on",
             versions.value("subject", "") + "; resprobe " + versions.value("resprobe", "") +
                 (versions.contains("commit") ? ", commit " + versions.value("commit", "") : ""));
  if (versions.contains("compiler")) {
    AddComment(&frozen, "Built with",
               versions.value("compiler", "") + ", " + versions.value("flags", ""));
  }
  if (!red.hash.empty()) AddComment(&frozen, "Trace hash of the failing run", red.hash);
  return frozen + text.substr(first);
}

fs::path OutputOf(const FreezeOptions& options, const fs::path& regressions,
                  const std::string& signature) {
  const fs::path output = options.output.empty()
                              ? regressions / (findings::FileNameOf(signature) + ".ops")
                              : fs::path(options.output);
  if (output.extension() != ".ops") {
    throw runner::UserError(output.string() +
                            ": a frozen test is .ops text: let its name end in .ops");
  }
  std::error_code error;
  if (fs::exists(output, error)) {
    throw runner::UserError(output.string() + ": is there already: give it another name with -o");
  }
  return output;
}

int RunFreeze(const FreezeOptions& options) {
  const runner::Project project = runner::OpenProject();
  runner::TempFolder temp;
  Subject subject = FindSubject(project, options, temp.path());
  findings::RunSpec& run = subject.run;
  if (options.timeout_seconds) run.limits.timeout_seconds = *options.timeout_seconds;
  if (options.rss_mb) run.limits.rss_mb = *options.rss_mb;
  if (run.runner == "life") {
    throw runner::UserError(options.what +
                            ": a history is what clients once saw, and no test can make a server "
                            "show it again: keep its seed with ./resprobe seeds add");
  }
  const runner::HarnessEntry* harness =
      RunsInHarness(run.runner) ? &project.Find(run.harness) : nullptr;
  const bool with_server = harness == nullptr ? IsLive(run.runner) : harness->with_server();
  if (options.server.given()) {
    if (!with_server) {
      throw runner::UserError("--start is for a harness with a live server, and " + run.harness +
                              " has none: leave it out, or name the harness with --harness");
    }
    run.options.erase("url");
    run.server.start = options.server.start;
    run.server.address.clear();
    run.server.unix_path.clear();
    run.server.arguments = options.server.arguments;
  }
  if (IsLive(run.runner) && run.server.start.empty()) {
    throw runner::UserError(
        options.what +
        ": its server was there before, and a test has to start one: add --start "
        "COMMAND");
  }
  // A case of the runner "process" is a test of its corpus; any other is a test of its own.
  const bool of_corpus = run.runner == "process";
  const fs::path all = project.source / "tests" / "regressions";
  const fs::path regressions = of_corpus ? all / harness->corpus : all / "live" / run.harness;
  if (!options.output.empty()) {  // before any work
    OutputOf(options, regressions, "");
    const fs::path inside =
        fs::absolute(options.output).lexically_normal().lexically_relative(regressions);
    // Folders of tests are made.
    if (inside.empty() || *inside.begin() == "..") runner::CheckWritable(options.output);
  }
  const std::unique_ptr<findings::CaseRunner> runner = OpenRunner(project, run);

  const findings::CaseOutcome before = Run(*runner, subject.file);
  if (!before.failed()) {
    throw runner::UserError(options.what + ": " + runner->WhySound() +
                            " as it is built: freeze it with the build that has the fault" +
                            (with_server && !options.server.given()
                                 ? ", or name the server that has it with --start"
                                 : ""));
  }
  if (!subject.signature.empty() &&
      !findings::SameFailure(before.what.signature, subject.signature)) {
    throw runner::UserError(options.what + ": was filed as " + subject.signature +
                            " and fails as " + before.what.signature +
                            ": freeze its case file, or the original");
  }
  const fs::path output = OutputOf(options, regressions, before.what.signature);

  const fs::path tape = temp.path() / "tape";
  findings::SmallCase small;
  uintmax_t bytes_before = 0;
  if (subject.minimized) {
    runner::WriteFile(tape, runner->TapeOf(subject.file));
  } else {
    bytes_before = runner->TapeOf(subject.file).size();
    small = runner->Shrink(subject.file, {});
    if (small.interrupted) throw runner::Interruption();
    if (!small.failed) {
      throw runner::UserError(options.what +
                              ": fails now and then only, so that it cannot be a test");
    }
    runner::WriteFile(tape, small.tape);
  }
  // The text itself must fail, so run it from a separate file.
  const fs::path draft = temp.path() / "draft.ops";
  const std::string text = runner->TextOf(tape);
  runner::WriteFile(draft, text);
  const findings::CaseOutcome red = Run(*runner, draft);
  if (!findings::SameFailure(red.what.signature, before.what.signature)) {
    throw runner::UserError(options.what + ": fails as " + before.what.signature +
                            ", but not as text of its own: replay it with --twice --trace");
  }
  const std::string frozen = WithHeader(project, *runner, red, text);
  runner::WriteFile(draft, frozen);
  const findings::CaseOutcome with_comments = Run(*runner, draft);
  if (with_comments.hash != red.hash || with_comments.what.signature != red.what.signature) {
    throw runner::UserError(options.what + ": its comments change what it does");
  }
  runner::MakeFolder(fs::absolute(output).parent_path());
  runner::WriteFile(output, frozen);

  std::printf("%s in %s", red.what.signature.c_str(), run.harness.c_str());
  if (subject.minimized) {
    std::printf(", minimized before\n");
  } else {
    absl::PrintF(": %d -> %d ops, %d -> %d bytes\n", small.ops_before, small.ops_after,
                 bytes_before, small.tape.size());
  }
  std::printf("red:     fails on %s%s%s\n",
              IsLive(run.runner) ? runner->spec().server.version.c_str() : "this build",
              red.hash.empty() ? "" : ", the same way twice: trace hash ", red.hash.c_str());
  std::printf("written: %s\n", project.Shown(output).c_str());
  const fs::path inside = fs::absolute(output).lexically_normal().lexically_relative(regressions);
  if (inside.empty() || *inside.begin() == "..") {
    std::printf("green:   once it is mended: ./resprobe replay %s\n",
                runner::ShellWord(project.Shown(output)).c_str());
    std::printf("no test runs this file: tests are below %s\n", project.Shown(regressions).c_str());
  } else {
    std::printf("green:   once it is mended: ./resprobe test -R %s%s\n",
                of_corpus ? "corpus_" : "regression_live_", run.harness.c_str());
  }
  return runner::kAllWell;
}

}  // namespace

Verb FreezeVerb() {
  const auto options = std::make_shared<FreezeOptions>();
  Verb verb("freeze", "turn a failure into a regression test");
  verb.details =
      "Takes the folder of a finding, a failing case, or the report.json of a finding alone. The "
      "case is minimized, printed as .ops text (raw bytes too), run again from that text to show "
      "that it fails, and written with comments that say what must hold and where it failed.\n"
      "./resprobe test runs what is in tests/regressions; the test passes once the fault is fixed.";
  verb.examples = {{"freeze work/findings/resp_parser/asan-heap-buffer-overflow-Bulk",
                    "writes tests/regressions/resp_parser/….ops"}};
  verb.exit_codes = "0 written, 2 the case does not fail here, or wrong use, 130 interrupted.";
  verb.Argument("FAILURE", &options->what, "A finding's folder, a case, or a report.json")
      .Required()
      .Complete(Completion::kFile);
  verb.Text("--output", "FILE", &options->output, "The test to write")
      .Short("-o")
      .ShowDefault("tests/regressions/HARNESS/SIGNATURE.ops")
      .Complete(Completion::kFile);
  verb.Text("--harness", "NAME", &options->harness, "The harness of the case")
      .Complete(Completion::kHarness);
  options->server.AddTo(&verb, HarnessServerTraits());
  verb.Number("--timeout", "SECONDS", &options->timeout_seconds, 1, runner::kMostSeconds,
              "A run that takes longer is a timeout")
      .ShowDefault("as in the report; 25");
  verb.Number("--rss", "MB", &options->rss_mb, 1, runner::kMostMegabytes,
              "A run that takes more is out of memory")
      .ShowDefault("as in the report; 2048");
  verb.run = [=] { return RunFreeze(*options); };
  return verb;
}

}  // namespace resprobe::cli
