// show: prints cases for people.

#include <cstdio>
#include <memory>

#include "cli/cases/diagram.h"
#include "cli/verbs.h"
#include "runner/harness_process.h"
#include "runner/project.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

int RunShow(const std::vector<std::string>& arguments, const std::string& given) {
  const Project project = OpenProject();
  const std::vector<fs::path> cases = CasesOf(arguments);
  for (const fs::path& file : cases) {
    const std::string text = ShowCase(project.HarnessOfCase(file, given), file);
    if (cases.size() > 1) std::printf("# %s\n", project.Shown(file).c_str());
    std::fwrite(text.data(), 1, text.size(), stdout);
    if (cases.size() > 1) std::printf("\n");
  }
  return kAllWell;
}

int RunDiagram(const std::vector<std::string>& arguments, const std::string& given,
               const std::string& out) {
  const Project project = OpenProject();
  const std::vector<fs::path> cases = CasesOf(arguments);
  if (cases.size() != 1) throw UserError("show --diagram: name one case");
  const HarnessEntry& harness = project.HarnessOfCase(cases[0], given);
  if (!out.empty()) CheckWritable(out);
  std::string svg;
  RunOptions options;
  options.trace = true;
  RunCases(harness, cases, options, [&](const CaseResult& result) {
    svg = SequenceDiagram(project.Shown(cases[0]) + ": " + result.outcome, result.trace);
  });
  if (svg.empty()) {
    throw UserError("show --diagram: a trace of " + harness.name +
                    " tells of no messages: take a case of invalidation");
  }
  if (out.empty()) {
    std::fwrite(svg.data(), 1, svg.size(), stdout);
  } else {
    WriteFile(out, svg);
  }
  return kAllWell;
}

}  // namespace

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
                   {"show --diagram -o case.svg corpus/invalidation/race.ops",
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
                            : RunShow(options->cases, options->harness);
  };
  return verb;
}

}  // namespace resprobe::cli
