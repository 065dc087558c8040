// list: prints the harnesses, what each checks, and the size of its seed corpus.

#include <cstdio>
#include <map>
#include <memory>
#include <set>

#include "cli/fuzz/pair_coverage.h"
#include "cli/output_options.h"
#include "cli/verbs.h"
#include "runner/harness_process.h"
#include "runner/json.h"
#include "runner/output.h"
#include "runner/project.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

int RunList(const runner::OutputOptions& output) {
  output.Check();
  const runner::Project project = runner::OpenProject();
  Json json = {{"harnesses", Json::array()}};
  for (const runner::HarnessEntry& harness : project.all) {
    if (harness.binary.empty()) {
      json["harnesses"].push_back(
          {{"name", harness.name}, {"built", false}, {"note", WhyNotBuilt(harness)}});
      if (output.text_on_stdout()) {
        std::printf("%s: %s\n\n", harness.name.c_str(), WhyNotBuilt(harness).c_str());
      }
      continue;
    }
    const runner::HarnessInfo info = AskInfo(harness);
    const size_t seeds = runner::FilesIn(project.CorpusOf(harness)).size();
    const size_t learnt = runner::FilesIn(project.WorkCorpusOf(harness)).size();
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
  if (output.report()) output.Write(json);
  return runner::kAllWell;
}

// Prints which pairs of a world's two dimensions a harness's seeds reach.
int RunMatrix(const std::string& name, const runner::OutputOptions& output) {
  output.Check();
  const runner::Project project = runner::OpenProject();
  const runner::HarnessEntry& harness = project.Find(name);
  std::vector<fs::path> cases = runner::FilesIn(project.CorpusOf(harness));
  for (const fs::path& file : runner::FilesIn(project.WorkCorpusOf(harness))) cases.push_back(file);
  Reached reached;
  AddReached(harness, cases, &reached);
  const auto& counts = reached.pairs;
  std::set<std::string> columns;
  for (const auto& [row, of_row] : counts) {
    for (const auto& [column, count] : of_row) columns.insert(column);
  }
  if (counts.empty()) throw runner::UserError(name + " crosses nothing: use io_chaos");
  Json unmet = Json::array();
  for (const auto& [row, of_row] : counts) {
    for (const std::string& column : columns) {
      if (!of_row.contains(column)) unmet.push_back({row, column});
    }
  }
  if (output.text_on_stdout()) {
    std::printf("%-18s", "");
    for (const std::string& column : columns) std::printf(" %5.5s", column.c_str());
    std::printf("\n");
    for (const auto& [row, of_row] : counts) {
      std::printf("%-18s", row.c_str());
      for (const std::string& column : columns) {
        const auto at = of_row.find(column);
        std::printf(" %5zu", at == of_row.end() ? size_t{0} : at->second);
      }
      std::printf("\n");
    }
    std::printf(
        "cases of %zu in which the row's toxic took effect while the column's step waited\n",
        cases.size());
    const size_t all = counts.size() * columns.size();
    std::printf("%zu of %zu pairs met", all - unmet.size(), all);
    const char* before = "; not met: ";
    for (const Json& pair : unmet) {
      std::printf("%s%s %s", before, pair[0].get<std::string>().c_str(),
                  pair[1].get<std::string>().c_str());
      before = ", ";
    }
    std::printf("\n");
  }
  if (output.report()) {
    output.Write(
        Json{{"harness", name}, {"cases", cases.size()}, {"pairs", counts}, {"unmet", unmet}});
  }
  return runner::kAllWell;
}

}  // namespace

Verb ListVerb() {
  const auto output = std::make_shared<runner::OutputOptions>();
  const auto matrix = std::make_shared<std::string>();
  Verb verb("list", "the harnesses, what each checks, corpus sizes");
  verb.examples = {{"list", "lists all harnesses"},
                   {"list --matrix io_chaos",
                    "shows which toxics the seeds of io_chaos have met in which step"}};
  verb.exit_codes = "0 listed, 2 wrong use.";
  verb.Text("--matrix", "HARNESS", matrix.get(),
            "For a harness that crosses toxics with steps: which pairs its seeds have met")
      .Complete(Completion::kHarness);
  AddOutputOptions(&verb, output.get());
  verb.run = [=] { return matrix->empty() ? RunList(*output) : RunMatrix(*matrix, *output); };
  return verb;
}

}  // namespace resprobe::cli
