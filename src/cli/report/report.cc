// report: compares the reports of two runs, and prints one in another format.

#include "report/report.h"

#include <cstdio>
#include <memory>
#include <string>

#include "cli/output_options.h"
#include "cli/verbs.h"
#include "report/diff.h"
#include "report/writers.h"
#include "runner/files.h"
#include "runner/json.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

report::Report Read(const std::string& file) {
  const Json json = Json::parse(runner::ReadFile(file), nullptr, false);
  if (json.is_discarded()) {
    throw runner::UserError(file + ": is no JSON: name the file of --format json --output FILE");
  }
  return report::ReadReport(json, file);
}

int RunDiff(const std::string& before, const std::string& after,
            const runner::OutputOptions& output) {
  output.Check();
  const report::Report first = Read(before);
  const report::Report second = Read(after);
  const report::Diff diff = report::Compare(first, second);
  const report::Report result = report::ReportOf(diff, first, second);
  if (output.text_on_stdout()) std::fputs(report::TextOf(diff).c_str(), stdout);
  report::Write(result, output);
  return result.exit_code;
}

int RunShow(const std::string& file, const runner::OutputOptions& output) {
  output.Check();
  const report::Report report = Read(file);
  if (output.report()) {
    report::Write(report, output);
    return runner::kAllWell;
  }
  for (const report::Check& check : ChecksOf(report)) {
    std::printf("%-8s %s%s%s\n", NameOf(check.status).c_str(),
                runner::TerminalText(check.name).c_str(), check.message.empty() ? "" : ": ",
                runner::TerminalText(check.message).c_str());
  }
  for (const report::Report& one : report.reports) {
    std::printf("%-8s %s\n", NameOf(StatusOf(SummaryOf(one))).c_str(),
                runner::TerminalText(one.verb).c_str());
  }
  return runner::kAllWell;
}

}  // namespace

Verb ReportVerb() {
  struct Options {
    std::string before;
    std::string after;
    runner::OutputOptions output;
  };
  const auto options = std::make_shared<Options>();
  Verb verb("report", "compare reports, and print them in other formats");
  verb.details =
      "The file of --format json --output FILE of any campaign is a report; docs/reports.md says "
      "what is in it.";
  Verb& diff = verb.verbs.emplace_back("diff", "what fails that did not, and what no longer does");
  diff.details =
      "What failed in the earlier report is gone only if the later run has looked for it: if a run "
      "of the same verb is there, and reached its end. Numbers that have changed are printed, the "
      "largest ratio first; they do not fail.";
  diff.Argument("BEFORE", &options->before, "The report of an earlier run")
      .Complete(Completion::kFile)
      .Required();
  diff.Argument("AFTER", &options->after, "The report of a later one")
      .Complete(Completion::kFile)
      .Required();
  AddReportOptions(&diff, &options->output);
  diff.examples = {{"report diff monday.json tuesday.json", "says what is new"}};
  diff.exit_codes = "0 nothing new fails, 1 something does, 2 wrong use.";
  diff.run = [=] { return RunDiff(options->before, options->after, options->output); };
  Verb& show = verb.verbs.emplace_back("show", "print a report in another format");
  show.Argument("REPORT", &options->before, "The report of a run, as JSON")
      .Complete(Completion::kFile)
      .Required();
  AddReportOptions(&show, &options->output);
  show.examples = {{"report show run.json --format html --output run.html", "a page to look at"}};
  show.exit_codes = "0 printed, 2 wrong use.";
  show.run = [=] { return RunShow(options->before, options->output); };
  verb.exit_codes = diff.exit_codes;
  return verb;
}

}  // namespace resprobe::cli
