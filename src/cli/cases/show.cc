// show: prints cases in readable form.

#include "cli/cases/show.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <sstream>

#include "cli/cases/case_runners.h"
#include "cli/cases/diagram.h"
#include "cli/verbs.h"
#include "engine/ops_text.h"
#include "findings/campaign.h"
#include "findings/finding_store.h"
#include "runner/harness_process.h"
#include "runner/project.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

// The line of an op in `.ops` text; "" if the text has no such op.
std::string LineOfOp(std::string_view text, uint64_t op) {
  std::string_view line;
  while (ops_text::TakeLine(&text, &line)) {
    const bool head = line.starts_with("ops ") || line.starts_with("config ");
    if (line.empty() || line.starts_with('#') || head) continue;
    if (op-- == 0) return std::string(line);
  }
  return "";
}

// Information about a finding, as comments.
std::string HeaderOf(const findings::StoredFailure& stored) {
  const findings::Failure& failure = stored.failure;
  std::string header = "# " + failure.what.signature + "\n";
  const auto add = [&](const std::string& label, const std::string& text) {
    if (text.empty()) return;
    std::istringstream lines(text);
    std::string line;
    for (bool first = true; std::getline(lines, line); first = false) {
      header += first ? "# " + label + ": " + line + "\n" : "#   " + line + "\n";
    }
  };
  add("must hold", failure.what.statement);
  if (failure.what.op) {
    const std::string line = LineOfOp(failure.input.text, *failure.what.op);
    add("at op", findings::OpText(*failure.what.op, failure.input.ops_after) +
                     (line.empty() ? "" : ", " + line));
  }
  add("expected", failure.what.expected);
  add("seen", failure.what.seen);
  add("run by", VerbOf(failure) + ", harness " + failure.run.harness);
  std::string with;  // a planted fault above all
  for (const auto& [name, value] : failure.run.options.items()) {
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    if (!text.empty()) with += (with.empty() ? "" : ", ") + name + " " + text;
  }
  add("with", with);
  add("server", failure.run.server.version);
  add("started by", failure.run.server.start);
  add("met", findings::Plural(failure.met, "time") + ", from " + failure.from + "; first " +
                 failure.first_seen + ", last " + failure.last_seen);
  if (failure.replays == std::optional(false)) add("alone", "it does not fail again");
  return header;
}

int RunDiagram(const std::vector<std::string>& arguments, const std::string& given,
               const std::string& out) {
  const runner::Project project = runner::OpenProject();
  const std::vector<fs::path> cases = runner::CasesOf(arguments);
  if (cases.size() != 1) throw runner::UserError("show --diagram: name one case");
  const runner::HarnessEntry& harness = project.HarnessOfCase(cases[0], given);
  if (!out.empty()) runner::CheckWritable(out);
  std::string svg;
  runner::RunOptions options;
  options.trace = true;
  RunCases(harness, cases, options, [&](const runner::CaseResult& result) {
    svg = SequenceDiagram(project.Shown(cases[0]) + ": " + result.outcome, result.trace);
  });
  if (svg.empty()) {
    throw runner::UserError("show --diagram: a trace of " + harness.name +
                            " tells of no messages: take a case of invalidation");
  }
  if (out.empty()) {
    std::fwrite(svg.data(), 1, svg.size(), stdout);
  } else {
    runner::WriteFile(out, svg);
  }
  return runner::kAllWell;
}

}  // namespace

int ShowCases(const std::vector<std::string>& arguments, const std::string& given) {
  const runner::Project project = runner::OpenProject();
  const std::vector<fs::path> cases = runner::CasesOf(arguments);
  const auto named = [&](const fs::path& folder) {
    return std::any_of(arguments.begin(), arguments.end(), [&](const std::string& argument) {
      std::error_code error;
      return fs::equivalent(argument, folder, error);
    });
  };
  for (const fs::path& file : cases) {
    std::string text;
    if (const std::optional<findings::StoredFailure> stored =
            given.empty() ? findings::FindingOfCase(file) : std::nullopt) {
      // The text was written when the case was found: it needs neither a server nor a binary.
      const bool its_case = file.filename() == "case" && !stored->failure.input.text.empty();
      text = its_case ? stored->failure.input.text
                      : TextOfCase(project, file, stored->failure.run.harness);
      // The first line stays the first, so that the output is a case.
      if (named(stored->folder)) {
        text.insert(std::min(text.find('\n'), text.size() - 1) + 1, HeaderOf(*stored));
      }
    } else {
      text = TextOfCase(project, file, given);
    }
    if (cases.size() > 1) std::printf("# %s\n", project.Shown(file).c_str());
    std::fwrite(text.data(), 1, text.size(), stdout);
    if (cases.size() > 1) std::printf("\n");
  }
  return runner::kAllWell;
}

Verb ShowVerb() {
  struct Options {
    std::vector<std::string> cases;
    std::string harness;
    bool diagram = false;
    std::string output;
  };
  const auto options = std::make_shared<Options>();
  Verb verb("show", "print a case for people");
  verb.details = "Prints the ops of a case as .ops text, or its raw bytes with notes.";
  verb.examples = {{"show work/findings/invalidation/stale-read", "prints the case of a finding"},
                   {"show --diagram -o case.svg corpus/invalidation/redirect.ops",
                    "draws the messages of a case of invalidation"}};
  verb.exit_codes = "0 printed, 2 wrong use.";
  verb.Arguments("CASE", &options->cases, "Files or folders")
      .Required()
      .Complete(Completion::kFile);
  verb.Text("--harness", "NAME", &options->harness, "The harness of these cases")
      .Complete(Completion::kHarness);
  verb.Flag("--diagram", &options->diagram,
            "Run one case of invalidation and draw what happened (SVG)");
  verb.Text("--output", "FILE", &options->output, "The diagram's file; default: standard output")
      .Short("-o")
      .Needs("--diagram")
      .Complete(Completion::kFile);
  verb.run = [=] {
    return options->diagram ? RunDiagram(options->cases, options->harness, options->output)
                            : ShowCases(options->cases, options->harness);
  };
  return verb;
}

}  // namespace resprobe::cli
