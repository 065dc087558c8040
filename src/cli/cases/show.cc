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

void AddShow(CLI::App& app, int* code) {
  CLI::App* verb = app.add_subcommand("show", "Print cases for people");
  verb->footer("Prints the ops of a case as .ops text, or its raw bytes with notes.");
  const auto cases = std::make_shared<std::vector<std::string>>();
  const auto harness = std::make_shared<std::string>();
  verb->add_option("CASE", *cases, "Files or folders")->required()->type_name("");
  verb->add_option("--harness", *harness, "The harness of these cases")->type_name("NAME");
  const auto diagram = std::make_shared<bool>(false);
  const auto out = std::make_shared<std::string>();
  CLI::Option* draw = verb->add_flag("--diagram", *diagram,
                                     "Run one case of invalidation and draw what happened (SVG)");
  verb->add_option("-o,--output", *out, "The diagram's file; default: standard output")
      ->type_name("FILE")
      ->needs(draw);
  verb->callback(
      [=] { *code = *diagram ? RunDiagram(*cases, *harness, *out) : RunShow(*cases, *harness); });
}

}  // namespace resprobe::cli
