// findings: lists and manages what is in work/findings, whichever verb filed it.

#include <absl/strings/str_format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/cases/case_runners.h"
#include "cli/cases/finding_check.h"
#include "cli/cases/show.h"
#include "cli/output_options.h"
#include "cli/verbs.h"
#include "findings/campaign.h"
#include "findings/finding_store.h"
#include "report/writers.h"
#include "runner/json.h"
#include "runner/output.h"
#include "runner/process.h"
#include "runner/project.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

// "failing", "gone", "not met"; "not checked" if it was never rerun, or was met again since.
std::string StateOf(const findings::Failure& failure) {
  const bool checked = !failure.checked.empty() && failure.checked >= failure.last_seen;
  return checked ? failure.state : "not checked";
}

std::string WhereOf(const findings::Failure& failure) {
  std::string where = failure.run.harness + ", " + VerbOf(failure);
  if (!failure.run.server.version.empty()) where += ", " + failure.run.server.version;
  return where;
}

// The findings in these folders; all if none is named. Throws UserError for a folder that is not a
// finding.
std::vector<findings::StoredFailure> Named(const runner::Project& project,
                                           const std::vector<std::string>& folders,
                                           std::vector<std::string>* broken) {
  const findings::FindingStore store(project);
  std::vector<findings::StoredFailure> all = store.List(broken);
  if (folders.empty()) return all;
  std::vector<findings::StoredFailure> named;
  for (const std::string& folder : folders) {
    const size_t before = named.size();
    std::error_code error;
    const fs::path whole = fs::weakly_canonical(folder, error);
    for (const findings::StoredFailure& stored : all) {
      const fs::path inside = fs::weakly_canonical(stored.folder, error).lexically_relative(whole);
      if (!inside.empty() && *inside.begin() != "..") named.push_back(stored);
    }
    if (named.size() == before) {
      findings::IsFinding(folder);  // throws if it is one with a damaged report
      throw runner::UserError(folder + ": holds no finding of " + project.Shown(store.root()) +
                              ": ./resprobe findings lists them");
    }
  }
  return named;
}

// Reports findings that cannot be read. Returns the exit code.
int Complain(const std::vector<std::string>& broken) {
  std::fflush(stdout);
  for (const std::string& line : broken) {
    std::fprintf(stderr, "resprobe: %s\n", runner::TerminalText(line).c_str());
  }
  return broken.empty() ? runner::kAllWell : runner::kWrongUse;
}

Json ToJson(const runner::Project& project, const findings::StoredFailure& stored) {
  Json json = ToJson(stored.failure);
  json["folder"] = runner::JsonText(project.Shown(stored.folder));
  json["state"] = StateOf(stored.failure);
  return json;
}

int RunList(const std::vector<std::string>& folders, const runner::OutputOptions& output) {
  output.Check();
  const runner::Project project = runner::OpenProject();
  std::vector<std::string> broken;
  const std::vector<findings::StoredFailure> all = Named(project, folders, &broken);
  Json json = {{"findings", Json::array()}};
  for (const findings::StoredFailure& stored : all) {
    json["findings"].push_back(ToJson(project, stored));
    if (!output.text_on_stdout()) continue;
    const findings::Failure& failure = stored.failure;
    absl::PrintF("%-20s  %-11s  met %-5d  %s\n", failure.last_seen, StateOf(failure), failure.met,
                 runner::TerminalText(failure.what.signature));
    std::printf("  %s: %s\n", WhereOf(failure).c_str(), project.Shown(stored.folder).c_str());
  }
  if (output.text_on_stdout()) std::printf("%s\n", findings::Plural(all.size(), "finding").c_str());
  if (output.report()) output.Write(json);
  return Complain(broken);
}

int RunRemove(const std::vector<std::string>& folders, bool gone) {
  const runner::Project project = runner::OpenProject();
  if (folders.empty() && !gone) {
    throw runner::UserError(
        "findings rm: name folders, or give --gone for all that no longer fail");
  }
  std::vector<std::string> broken;
  findings::FindingStore store(project);
  size_t removed = 0;
  FindingChecker checker(project);
  for (const findings::StoredFailure& stored : Named(project, folders, &broken)) {
    if (gone) {
      if (StateOf(stored.failure) != "gone") continue;
      // What check has seen may be old.
      const CheckedFinding now = checker.Check(stored);
      if (runner::Interrupted()) throw runner::Interruption();
      if (now.word == "failing" || now.word == "not met") store.SetState(stored.folder, now.word);
      if (now.word != "gone") {
        std::printf(
            "kept: %s: %s\n", project.Shown(stored.folder).c_str(),
            runner::TerminalText(now.word + (now.note.empty() ? "" : ": " + now.note)).c_str());
        continue;
      }
    }
    store.Remove(stored.folder);
    std::printf("removed: %s\n", project.Shown(stored.folder).c_str());
    ++removed;
  }
  std::printf("%s removed\n", findings::Plural(removed, "finding").c_str());
  return Complain(broken);
}

int RunCheck(const std::vector<std::string>& folders, const runner::OutputOptions& output) {
  output.Check();
  const runner::Project project = runner::OpenProject();
  std::vector<std::string> broken;
  findings::FindingStore store(project);
  FindingChecker checker(project);
  std::map<std::string, size_t> counts;
  report::Report report = report::NewReport("findings check", 0);
  const double start = runner::Now();
  const std::vector<findings::StoredFailure> all = Named(project, folders, &broken);
  for (const findings::StoredFailure& stored : all) {
    if (runner::Interrupted()) throw runner::Interruption();
    const CheckedFinding checked = checker.Check(stored);
    if (runner::Interrupted()) throw runner::Interruption();
    ++counts[checked.word];
    if (checked.word == "failing" || checked.word == "gone" || checked.word == "not met") {
      store.SetState(stored.folder, checked.word);
    }
    if (output.text_on_stdout()) {
      std::printf("%-10s  %s\n  %s: %s\n", checked.word.c_str(),
                  runner::TerminalText(stored.failure.what.signature).c_str(),
                  WhereOf(stored.failure).c_str(), project.Shown(stored.folder).c_str());
      if (!checked.note.empty()) std::printf("  %s\n", runner::TerminalText(checked.note).c_str());
      std::fflush(stdout);
    }
    report::Finding finding =
        report::FindingOf({{"folder", runner::JsonText(project.Shown(stored.folder))},
                           {"signature", stored.failure.what.signature},
                           {"harness", stored.failure.run.harness},
                           {"statement", stored.failure.what.statement},
                           {"replay", findings::ReplayCommand(project, stored.folder)},
                           {"state", checked.word},
                           {"note", runner::JsonText(checked.note)},
                           {"fails", checked.word == "failing"}});
    if (checked.word == "failing") {
      report.findings.push_back(std::move(finding));
    } else {
      report.own["other_findings"].push_back(finding.json);
      report.results.push_back(
          {.name = WhereOf(stored.failure) + ": " + finding.signature,
           .status = checked.word == "gone" ? report::Status::kPassed : report::Status::kUnknown,
           .note = checked.note.empty() ? checked.word : checked.word + ": " + checked.note,
           .command = finding.replay});
    }
  }
  if (output.text_on_stdout()) {
    std::printf("%s: %zu still fail, %zu are gone", findings::Plural(all.size(), "finding").c_str(),
                counts["failing"], counts["gone"]);
    if (counts["not met"] > 0) std::printf(", %zu not met", counts["not met"]);
    if (counts["unclear"] > 0) std::printf(", %zu unclear", counts["unclear"]);
    if (counts["cannot run"] > 0) std::printf(", %zu cannot be run", counts["cannot run"]);
    std::printf("\n");
  }
  int code = Complain(broken);
  if (counts["cannot run"] > 0) code = runner::kWrongUse;
  if (counts["failing"] > 0) code = runner::kFinding;
  report.seconds = runner::Now() - start;
  report.exit_code = code;
  if (all.empty()) report.vacuous = "there are no findings";
  report::Write(report, output);
  return code;
}

}  // namespace

Verb FindingsVerb() {
  const auto folders = std::make_shared<std::vector<std::string>>();
  const auto output = std::make_shared<runner::OutputOptions>();
  const auto gone = std::make_shared<bool>(false);
  Verb verb("findings", "list what was found, and run it again");
  verb.details =
      "Every verb that finds failures files each kind once, in a folder below work/findings. "
      "replay, minimize, show and freeze take such a folder and run its case on what it was found "
      "on: in a process, or on a server that is started as it was then.";
  verb.examples = {{"findings list", "lists all"},
                   {"findings check", "runs all again, and says which are gone"},
                   {"findings rm --gone", "removes those that no longer fail"}};
  verb.exit_codes = "0 listed, 2 wrong use or one cannot be read.";
  AddOutputOptions(&verb, output.get());
  const auto add_folders = [&](Verb* one, const std::string& none = "; default: all") -> Option& {
    return one->Arguments("FOLDER", folders.get(), "Findings, or folders that hold some" + none)
        .Complete(Completion::kFolder);
  };
  Verb& list =
      verb.verbs.emplace_back("list", "when, where, what, how often, still failing or not");
  add_folders(&list);
  AddOutputOptions(&list, output.get());
  list.examples = {{"findings list", "lists all"},
                   {"findings list work/findings/invalidation", "lists those of one harness"}};
  list.exit_codes = "0 listed, 2 wrong use or one cannot be read.";
  list.run = [=] { return RunList(*folders, *output); };
  Verb& show = verb.verbs.emplace_back("show", "print findings for people");
  add_folders(&show, "").Required();
  show.examples = {{"findings show work/findings/query_parser/violation-round_trip",
                    "prints the case, and what is known of it"}};
  show.exit_codes = "0 printed, 2 wrong use.";
  show.run = [=] { return ShowCases(*folders, ""); };
  Verb& remove = verb.verbs.emplace_back("rm", "remove findings");
  add_folders(&remove, "; with --gone: all");
  remove.Flag("--gone", gone.get(),
              "Only those that no longer fail, as check has seen and a run now confirms");
  remove.examples = {{"findings rm --gone", "removes those that no longer fail"}};
  remove.exit_codes = "0 removed, 2 wrong use.";
  remove.run = [=] { return RunRemove(*folders, *gone); };
  Verb& check = verb.verbs.emplace_back("check", "run all again: which are gone?");
  add_folders(&check);
  AddReportOptions(&check, output.get());
  check.examples = {{"findings check", "runs all again, and says which are gone"}};
  check.details =
      "A case of which chance decides too (a race of a live server, a hunt for stale reads) is run "
      "several times; if it does not fail then it is `not met`, which is no proof that it is gone, "
      "and rm --gone keeps it.";
  check.exit_codes =
      "0 nothing fails any more, 1 something still does, 2 wrong use or one cannot be run, 130 "
      "interrupted.";
  check.run = [=] { return RunCheck(*folders, *output); };
  verb.run = [=] { return RunList({}, *output); };
  return verb;
}

}  // namespace resprobe::cli
