// show: prints cases for people.

#include <cstdio>
#include <memory>

#include "cli/project.h"
#include "cli/subject.h"
#include "cli/user_error.h"
#include "cli/verbs.h"

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

}  // namespace

void AddShow(CLI::App& app, int* code) {
  CLI::App* verb = app.add_subcommand("show", "Print cases for people");
  verb->footer("Prints the ops of a case as .ops text, or its raw bytes with notes.");
  const auto cases = std::make_shared<std::vector<std::string>>();
  const auto harness = std::make_shared<std::string>();
  verb->add_option("CASE", *cases, "Files or folders")->required()->type_name("");
  verb->add_option("--harness", *harness, "The harness of these cases")->type_name("NAME");
  verb->callback([=] { *code = RunShow(*cases, *harness); });
}

}  // namespace resprobe::cli
