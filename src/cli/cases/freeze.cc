// freeze: turns a failure into a regression test that needs nothing but itself.

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <sstream>

#include "cli/server_options.h"
#include "cli/verbs.h"
#include "engine/triage.h"
#include "findings/descriptor.h"
#include "findings/finding.h"
#include "runner/harness_process.h"
#include "runner/json.h"
#include "runner/project.h"
#include "runner/user_error.h"
#include "runner/whole_number.h"

namespace resprobe::cli {
namespace {

struct FreezeOptions {
  std::string what;
  std::string output;
  std::string harness;
  std::string start;
  // Else those of the report, or the usual ones.
  std::optional<int> timeout_seconds;
  std::optional<size_t> rss_mb;
};

// What is to be frozen.
struct Failure {
  fs::path file;          // a tape or `.ops` text
  std::string harness;    // "": to be found out from the file
  std::string signature;  // how it failed when it was filed; "": nobody has said
  bool minimized = false;
  FindingLimits limits;
};

Failure FindFailure(const std::string& what, const fs::path& temp) {
  std::error_code error;
  const fs::path path = what;
  const bool folder = fs::is_directory(path, error);
  const fs::path report = folder ? path / "report.json" : path;
  if (fs::exists(report, error) && report.extension() == ".json") {
    const Descriptor descriptor = ReadDescriptor(report);
    Failure failure{
        path / "case", descriptor.harness, descriptor.signature, descriptor.minimized, {}};
    if (descriptor.timeout_seconds > 0) failure.limits.timeout_seconds = descriptor.timeout_seconds;
    if (descriptor.rss_mb > 0) failure.limits.rss_mb = descriptor.rss_mb;
    if (folder && fs::exists(failure.file, error)) return failure;
    if (descriptor.case_text.empty()) {
      throw UserError(what + ": holds no case: name the case file itself");
    }
    failure.file = temp / "descriptor.ops";
    WriteFile(failure.file, descriptor.case_text);
    return failure;
  }
  const std::vector<fs::path> cases = CasesOf({what});
  if (cases.size() != 1) {
    throw UserError(what + ": holds " + std::to_string(cases.size()) + " cases: freeze takes one");
  }
  return {cases[0], "", "", false, {}};
}

// How the case runs, twice where it lives to tell; one that gives two answers has none to keep.
CaseResult Run(const HarnessEntry& harness, const fs::path& file, const FindingLimits& limits) {
  RunOptions run;
  run.twice = true;
  run.limits = {static_cast<double>(limits.timeout_seconds), limits.rss_mb};
  CaseResult result;
  RunCases(harness, {file}, run, [&](CaseResult one) { result = std::move(one); });
  if (result.outcome == "not deterministic" ||
      (!result.hash2.empty() && result.hash2 != result.hash)) {
    throw UserError(file.string() + ": two runs of it differ in " + harness.name +
                    ", so that it cannot be a test: replay it with --twice --trace");
  }
  return result;
}

bool IsSameFailure(const std::string& a, const std::string& b) {
  // An engine and a replay see other frames above a raised signal.
  return a == b || (a.starts_with("signal") && b.starts_with("signal"));
}

// "# label: text", the further lines of the text indented; long ones are cut.
void AddComment(std::string* out, const std::string& label, const std::string& text) {
  constexpr size_t kMostLines = 8;
  constexpr size_t kMostColumns = 160;
  std::istringstream lines(JsonText(text));
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

std::string WhatMustHold(const HarnessInfo& info, const CaseResult& red) {
  if (red.outcome == "violation") return red.invariant + ": " + info.StatementOf(red.invariant);
  if (red.signature == "timeout") return "the run comes to its end";
  if (red.signature == "oom") return "the run's memory is bounded";
  return "no sanitizer reports anything, nothing asserts or crashes";
}

// The case with what is to be known about it, as comments behind its first line.
std::string WithHeader(const Project& project, const HarnessInfo& info, const CaseResult& red,
                       const std::string& text) {
  const size_t first = text.find('\n') + 1;
  std::string frozen = text.substr(0, first);
  AddComment(&frozen, "Frozen from", red.signature);
  AddComment(&frozen, "Must hold", WhatMustHold(info, red));
  if (red.outcome == "violation") {
    AddComment(&frozen, "At op", std::to_string(red.op));
    AddComment(&frozen, "Expected", red.expected);
    AddComment(&frozen, "Seen", red.seen);
  }
  const Json versions = VersionsOf(project, info);
  AddComment(&frozen, "Failed on",
             info.subject + "; resprobe " + versions.value("resprobe", "") +
                 (versions.contains("commit") ? ", commit " + versions.value("commit", "") : ""));
  AddComment(&frozen, "Built with", info.compiler + ", " + info.flags);
  if (!red.hash.empty()) AddComment(&frozen, "Trace hash of the failing run", red.hash);
  return frozen + text.substr(first);
}

fs::path OutputOf(const FreezeOptions& options, const fs::path& regressions,
                  const std::string& signature) {
  const fs::path output = options.output.empty()
                              ? regressions / (Signature{signature, "", {}}.Slug() + ".ops")
                              : fs::path(options.output);
  if (output.extension() != ".ops") {
    throw UserError(output.string() + ": a frozen test is .ops text: let its name end in .ops");
  }
  std::error_code error;
  if (fs::exists(output, error)) {
    throw UserError(output.string() + ": is there already: give it another name with -o");
  }
  return output;
}

int RunFreeze(const FreezeOptions& options) {
  const Project project = OpenProject();
  TempFolder temp;
  const Failure failure = FindFailure(options.what, temp.path());
  const FindingLimits limits = {options.timeout_seconds.value_or(failure.limits.timeout_seconds),
                                options.rss_mb.value_or(failure.limits.rss_mb)};
  const HarnessEntry& harness = failure.harness.empty() || !options.harness.empty()
                                    ? project.HarnessOfCase(failure.file, options.harness)
                                    : project.Find(failure.harness);
  if (!options.start.empty()) {
    if (!harness.with_server()) {
      throw UserError("--start is for a harness with a live server, and " + harness.name +
                      " has none: leave it out, or name the harness with --harness");
    }
    SetLiveServerCommand(options.start);
  }
  const HarnessInfo info = AskInfo(harness);
  const fs::path regressions = project.source / "tests" / "regressions" / harness.corpus;
  if (!options.output.empty()) OutputOf(options, regressions, "");  // before any work

  const CaseResult before = Run(harness, failure.file, limits);
  if (!before.failed()) {
    throw UserError(options.what + ": does not fail in " + harness.name +
                    " as it is built: freeze it with the build that has the fault" +
                    (harness.with_server() && options.start.empty()
                         ? ", or name the server that has it with --start"
                         : ""));
  }
  if (!failure.signature.empty() && !IsSameFailure(before.signature, failure.signature)) {
    throw UserError(options.what + ": was filed as " + failure.signature + " and fails as " +
                    before.signature + ": freeze its case file, or the original");
  }
  const fs::path output = OutputOf(options, regressions, before.signature);

  const fs::path tape = temp.path() / "tape";
  Shrunk shrunk;
  if (failure.minimized) {
    if (failure.file.extension() == ".ops") {
      ParseOps(harness, failure.file, tape);
    } else {
      WriteFile(tape, ReadFile(failure.file));
    }
  } else {
    shrunk = Shrink(harness, failure.file, tape, limits.timeout_seconds, limits.rss_mb);
    if (shrunk.signature.empty()) {
      throw UserError(options.what + ": fails now and then only, so that it cannot be a test");
    }
  }
  // What is proved is the text itself, from a file of its own.
  const fs::path draft = temp.path() / "draft.ops";
  const std::string text = CaseText(harness, info, tape);
  WriteFile(draft, text);
  const CaseResult red = Run(harness, draft, limits);
  if (!IsSameFailure(red.signature, before.signature)) {
    throw UserError(options.what + ": fails as " + before.signature +
                    ", but not as text of its own: replay it with --twice --trace");
  }
  const std::string frozen = WithHeader(project, info, red, text);
  WriteFile(draft, frozen);
  if (Run(harness, draft, limits).hash != red.hash) {
    throw UserError(options.what + ": its comments change what it does");
  }
  MakeFolder(fs::absolute(output).parent_path());
  WriteFile(output, frozen);

  std::printf("%s in %s", red.signature.c_str(), harness.name.c_str());
  if (failure.minimized) {
    std::printf(", minimized before\n");
  } else {
    const auto number = [](uint64_t n) { return static_cast<unsigned long long>(n); };
    std::printf(": %llu -> %llu ops, %llu -> %llu bytes\n", number(shrunk.ops_before),
                number(shrunk.ops_after), number(shrunk.bytes_before), number(shrunk.bytes_after));
  }
  std::printf("red:     fails on this build%s%s\n",
              red.hash.empty() ? "" : ", the same way twice: trace hash ", red.hash.c_str());
  std::printf("written: %s\n", project.Shown(output).c_str());
  const fs::path inside = fs::absolute(output).lexically_normal().lexically_relative(regressions);
  if (inside.empty() || *inside.begin() == "..") {
    std::printf("green:   once it is mended: ./resprobe replay %s\n",
                ShellWord(project.Shown(output)).c_str());
  } else {
    std::printf("green:   once it is mended: ./resprobe test -R corpus_%s\n", harness.name.c_str());
  }
  return kAllWell;
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
  AddServerOfHarness(&verb, &options->start);
  verb.Number("--timeout", "SECONDS", &options->timeout_seconds, 1, kMostSeconds,
              "A run that takes longer is a timeout")
      .ShowDefault("as in the report; 25");
  verb.Number("--rss", "MB", &options->rss_mb, 1, kMostMegabytes,
              "A run that takes more is out of memory")
      .ShowDefault("as in the report; 2048");
  verb.run = [=] { return RunFreeze(*options); };
  return verb;
}

}  // namespace resprobe::cli
