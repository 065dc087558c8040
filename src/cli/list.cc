// list: the harnesses, what each checks, how large its seed corpus is.

#include <cstdio>
#include <memory>

#include "cli/output.h"
#include "cli/project.h"
#include "cli/subject.h"
#include "cli/user_error.h"
#include "cli/verbs.h"

namespace resprobe::cli {
namespace {

int RunList(const OutputOptions& output) {
  output.Check();
  const Project project = OpenProject();
  Json json = {{"harnesses", Json::array()}};
  for (const HarnessEntry& harness : project.all) {
    if (harness.binary.empty()) {
      json["harnesses"].push_back(
          {{"name", harness.name}, {"built", false}, {"note", WhyNotBuilt(harness)}});
      if (output.text_on_stdout()) {
        std::printf("%s: %s\n\n", harness.name.c_str(), WhyNotBuilt(harness).c_str());
      }
      continue;
    }
    const HarnessInfo info = AskInfo(harness);
    const size_t seeds = FilesIn(project.CorpusOf(harness)).size();
    const size_t learnt = FilesIn(project.WorkCorpusOf(harness)).size();
    Json one = {{"name", harness.name},     {"built", true},
                {"summary", info.summary},  {"input", info.input},
                {"corpus", harness.corpus}, {"seeds", seeds},
                {"learnt", learnt},         {"invariants", Json::array()}};
    for (const auto& [name, statement] : info.invariants) {
      one["invariants"].push_back({{"name", name}, {"statement", statement}});
    }
    json["harnesses"].push_back(one);
    if (!output.text_on_stdout()) continue;
    std::printf("%s: %s\n", harness.name.c_str(), info.summary.c_str());
    std::printf("  input %s; %zu seeds in corpus/%s", info.input.c_str(), seeds,
                harness.corpus.c_str());
    if (learnt > 0)
      std::printf(", %zu learnt in %s", learnt,
                  project.Shown(project.WorkCorpusOf(harness)).c_str());
    std::printf("\n");
    for (const auto& [name, statement] : info.invariants) {
      std::printf("  %-24s %s\n", name.c_str(), statement.c_str());
    }
    std::printf("\n");
  }
  if (output.json()) output.Write(json);
  return kAllWell;
}

}  // namespace

void AddList(CLI::App& app, int* code) {
  CLI::App* verb = app.add_subcommand("list", "The harnesses, what each checks, corpus sizes");
  const auto output = std::make_shared<OutputOptions>();
  output->AddTo(verb);
  verb->callback([=] { *code = RunList(*output); });
}

}  // namespace resprobe::cli
