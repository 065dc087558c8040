#include "findings/process_runner.h"

#include <absl/strings/ascii.h>

#include <algorithm>
#include <utility>

#include "engine/bytes_text.h"
#include "engine/triage.h"
#include "runner/process.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::findings {

std::string Indented(const std::string& text) {
  std::string lines;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    lines += "    " + text.substr(start, end - start) + "\n";
    start = end + 1;
  }
  return lines;
}

std::string CountOutcomes(size_t cases, const std::map<std::string, size_t>& outcomes) {
  std::string text = std::to_string(cases) + (cases == 1 ? " case:" : " cases:");
  const char* separator = " ";
  for (const auto& [word, count] : outcomes) {
    text += separator + std::to_string(count) + " " + word;
    separator = ", ";
  }
  return text + "\n";
}

Json OwnVersions(const fs::path& source) {
  Json versions;
  versions["resprobe"] = RESPROBE_VERSION;
  try {
    runner::RunResult git = runner::RunToEnd(
        {{"git", "-C", source.string(), "rev-parse", "HEAD"}, {}}, {.timeout_seconds = 10});
    absl::StripTrailingAsciiWhitespace(&git.out);
    if (git.exit_code == 0) versions["commit"] = git.out;
  } catch (const runner::UserError&) {  // no git here
  }
  return versions;
}

Json VersionsOf(const fs::path& source, const runner::HarnessInfo& info) {
  Json versions = OwnVersions(source);
  versions["subject"] = info.subject;
  versions["compiler"] = info.compiler;
  versions["flags"] = info.flags;
  versions["engine"] = info.engine;
  return versions;
}

ProcessRunner::ProcessRunner(const runner::Project& project, RunSpec spec)
    : source_(project.source), spec_(std::move(spec)), harness_(project.Find(spec_.harness)) {
  if (harness_.with_server()) {
    if (spec_.server.start.empty()) spec_.server.start = runner::LiveServerCommand();
    harness_.environment.emplace_back(
        "RESPROBE_ORACLE_START", runner::CommandLine(spec_.server.start, spec_.server.arguments));
  }
  for (const auto& [option, variable] :
       {std::pair{"peer", "RESPROBE_IO_PEER"}, std::pair{"client", "RESPROBE_IO_CLIENT"},
        std::pair{"driver", "RESPROBE_CLIENT_DRIVER"}}) {
    if (const auto at = spec_.options.find(option); at != spec_.options.end() && at->is_string()) {
      harness_.environment.emplace_back(variable, at->get<std::string>());
    }
  }
}

const runner::HarnessInfo& ProcessRunner::info() {
  if (!info_) info_ = AskInfo(harness_);
  return *info_;
}

Json ProcessRunner::Versions() { return VersionsOf(source_, info()); }

CaseOutcome ProcessRunner::OutcomeOf(runner::CaseResult result) {
  CaseOutcome outcome;
  outcome.word = std::move(result.outcome);
  outcome.ops = result.ops;
  outcome.hash = std::move(result.hash);
  outcome.hash2 = std::move(result.hash2);
  outcome.trace = std::move(result.trace);
  outcome.stack = std::move(result.stack);
  if (!outcome.failed()) return outcome;
  Symptom& what = outcome.what;
  what.signature = runner::JsonText(result.signature);
  what.kind = KindOf(what.signature);
  if (outcome.word == "violation") {
    what.invariant = result.invariant;
    what.statement = info().StatementOf(result.invariant);
    what.op = result.op;
    what.expected = runner::JsonText(result.expected);
    what.seen = runner::JsonText(result.seen);
    outcome.text =
        "  expected:\n" + Indented(result.expected) + "  seen:\n" + Indented(result.seen);
  } else if (outcome.word == "crash") {
    what.frames = ReadSignature(result.report).frames;
    what.statement = what.kind == "timeout" ? "the run comes to its end"
                     : what.kind == "oom"
                         ? "the run's memory is bounded"
                         : "no sanitizer reports anything, nothing asserts or crashes";
    outcome.text = outcome.stack;
  } else {
    outcome.text = "  the second run has hash " + outcome.hash2 + "\n";
  }
  if (!result.report.empty()) outcome.files["report.txt"] = std::move(result.report);
  outcome.files["stack.txt"] =
      outcome.stack.empty() ? "no stack: " + what.signature + "\n" : outcome.stack;
  if (!outcome.trace.empty()) outcome.files["trace.txt"] = outcome.trace;
  return outcome;
}

void ProcessRunner::Run(const std::vector<fs::path>& files, bool trace, bool twice,
                        const Take& take) {
  runner::RunOptions options;
  options.trace = trace;
  options.twice = twice;
  options.limits = {static_cast<double>(spec_.limits.timeout_seconds), spec_.limits.rss_mb};
  RunCases(harness_, files, options, [&](runner::CaseResult result) {
    const fs::path file = result.file;
    take(file, OutcomeOf(std::move(result)));
  });
}

SmallCase ProcessRunner::Shrink(const fs::path& file, const ShrinkLimits& limits) {
  SmallCase small;
  ShrinkBudget budget(limits);
  runner::TempFolder temp;
  const fs::path tape = temp.path() / "case";
  try {
    const runner::Shrunk shrunk =
        runner::Shrink(harness_, file, tape, limits.candidates, spec_.limits.timeout_seconds,
                       spec_.limits.rss_mb, [&] { return !budget.Spend(0); });
    small.limit = budget.exhausted();
    if (!small.limit.empty()) {
      // The smallest so far, or none: then the case itself.
      std::error_code error;
      if (!fs::exists(tape, error)) runner::WriteFile(tape, TapeOf(file));
    } else if (shrunk.signature.empty()) {
      return small;
    }
    small.candidates = shrunk.candidates;
    small.ops_before = shrunk.ops_before;
    small.ops_after = shrunk.ops_after;
    small.outcome.what.signature = runner::JsonText(shrunk.signature);
  } catch (const runner::Interruption&) {
    std::error_code error;
    if (!fs::exists(tape, error)) throw;
    small.interrupted = true;
  }
  small.failed = true;
  small.tape = runner::ReadFile(tape);
  if (small.interrupted) return small;
  try {
    CaseOutcome outcome = RunOne(tape, true);
    small.reproduced = outcome.failed();
    if (small.reproduced) small.outcome = std::move(outcome);
  } catch (const runner::Interruption&) {
    small.interrupted = true;
  }
  return small;
}

std::string ProcessRunner::TextOf(const fs::path& file) {
  if (info().input == "ops") return ShowCase(harness_, file);
  return PrintBytes(info().name, runner::ReadFile(file));
}

std::string ProcessRunner::TapeOf(const fs::path& file) {
  if (file.extension() != ".ops") return runner::ReadFile(file);
  runner::TempFolder temp;
  ParseOps(harness_, file, temp.path() / "tape");
  return runner::ReadFile(temp.path() / "tape");
}

std::string ProcessRunner::Summary(size_t cases,
                                   const std::map<std::string, size_t>& outcomes) const {
  return cases > 1 ? CountOutcomes(cases, outcomes) : "";
}

}  // namespace resprobe::findings
