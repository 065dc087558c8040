#include "cli/cloud/merge.h"

#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "cli/cases/finding_check.h"
#include "cli/cases/needed_tapes.h"
#include "cli/cloud/cloud_plan.h"
#include "cli/cloud/result_folder.h"
#include "findings/campaign.h"
#include "findings/failure.h"
#include "findings/finding_store.h"
#include "report/merge.h"
#include "runner/json.h"
#include "runner/process.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

// A folder that is not merged, and why.
struct LeftOut {
  std::string folder;
  std::string why;
  bool matters = true;  // false: its units are in another result
};

// What was found below the folders that were named.
struct Collected {
  std::vector<ResultFolder> results;
  std::vector<LeftOut> left_out;
  std::map<std::string, CloudPlan> plans;  // by ID
};

std::string MessageWithout(const std::string& folder, const runner::UserError& error) {
  const std::string text = error.what();
  return text.starts_with(folder + ": ") ? text.substr(folder.size() + 2) : text;
}

void CollectOne(const fs::path& folder, Collected* all) {
  try {
    all->results.push_back(ReadResult(folder));
  } catch (const runner::UserError& error) {
    all->left_out.push_back({folder, MessageWithout(folder, error)});
  }
}

// The folders directly in `folder`, sorted; also those whose names begin with a dot.
std::vector<fs::path> FoldersIn(const fs::path& folder) {
  std::vector<fs::path> folders;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->is_directory(error)) folders.push_back(at->path());
  }
  std::ranges::sort(folders);
  return folders;
}

void Collect(const std::string& named, Collected* all) {
  std::error_code error;
  fs::path folder(named);
  if (folder.filename() == "campaign.json") {  // its results are elsewhere
    const CloudPlan plan = ReadPlan(folder);
    all->plans.emplace(plan.Id(), plan);
    return;
  }
  if (!fs::is_directory(folder, error)) {
    throw runner::UserError(named + ": is no folder: name results of units, or a campaign");
  }
  if (fs::exists(folder / "campaign.json", error)) {
    const CloudPlan plan = ReadPlan(folder / "campaign.json");
    all->plans.emplace(plan.Id(), plan);
    folder /= "results";
    for (const fs::path& one : FoldersIn(folder)) CollectOne(one, all);
    return;
  }
  if (LooksLikeResult(folder)) {
    CollectOne(folder, all);
    return;
  }
  bool any = false;
  for (const fs::path& one : FoldersIn(folder)) {
    if (!LooksLikeResult(one)) continue;
    CollectOne(one, all);
    any = true;
  }
  if (!any) {
    throw runner::UserError(named + ": holds no result: name results of units, or a campaign");
  }
}

// Keeps results that have no unit in common: the largest first, so that a merge counts before its
// parts. The others are left out.
void TakeDisjoint(Collected* all) {
  std::ranges::sort(all->results, [](const ResultFolder& a, const ResultFolder& b) {
    if (a.units.size() != b.units.size()) return a.units.size() > b.units.size();
    if (a.units != b.units) return a.units < b.units;
    return a.path < b.path;
  });
  std::map<std::string, fs::path> taken;  // by unit
  std::vector<ResultFolder> kept;
  std::set<std::string> paths;
  for (ResultFolder& result : all->results) {
    std::error_code error;
    if (!paths.insert(fs::canonical(result.path, error)).second) continue;  // named twice
    size_t common = 0;
    std::string other;
    for (const std::string& unit : result.units) {
      const auto at = taken.find(unit);
      if (at == taken.end()) continue;
      ++common;
      other = at->second;
    }
    if (common == result.units.size()) {
      all->left_out.push_back({result.path, "its units are counted in " + other, false});
    } else if (common > 0) {
      all->left_out.push_back(
          {result.path, std::to_string(common) + " of its " + std::to_string(result.units.size()) +
                            " units are counted in " + other +
                            ", and cannot be taken out: name the results of single units"});
    } else {
      for (const std::string& unit : result.units) taken[unit] = result.path;
      kept.push_back(std::move(result));
    }
  }
  // In the order of the campaign's units, so that what is first does not depend on names of
  // folders.
  std::ranges::sort(kept, [](const ResultFolder& a, const ResultFolder& b) {
    return std::pair(a.started, a.units) < std::pair(b.started, b.units);
  });
  all->results = std::move(kept);
  // A half-written folder does not matter if another attempt at its unit has a result.
  for (LeftOut& one : all->left_out) {
    const std::string name = fs::path(one.folder).filename();
    if (!name.starts_with('.')) continue;
    const std::string unit = name.substr(1, name.find('.', 1) - 1);
    const fs::path whole = fs::path(one.folder).parent_path() / unit;
    const bool there = std::ranges::any_of(
        all->results, [&](const ResultFolder& result) { return result.path == whole; });
    if (!there) continue;
    one.matters = false;
    one.why += "; a later attempt at the unit has a result, and has taken up what this one had";
  }
}

// --- Corpora.

struct MergedCorpus {
  uint64_t offered = 0;
  uint64_t different = 0;
  uint64_t kept = 0;
  std::string why_not;  // why it was not merged by coverage
};

std::map<std::string, MergedCorpus> MergeCorpora(const runner::Project& project,
                                                 const std::vector<ResultFolder>& results,
                                                 const fs::path& to) {
  constexpr std::string_view kCorpus = "work/corpus/";
  std::map<std::string, MergedCorpus> merged;
  std::map<std::string, std::map<std::string, fs::path>> inputs;  // by harness and SHA-1
  for (const ResultFolder& result : results) {
    for (const auto& [name, sha1] : result.files) {
      if (!name.starts_with(kCorpus)) continue;
      const std::string rest = name.substr(kCorpus.size());
      const std::string harness = rest.substr(0, rest.find('/'));
      ++merged[harness].offered;
      inputs[harness].try_emplace(sha1, result.path / name);
    }
  }
  for (const auto& [name, files] : inputs) {
    MergedCorpus& corpus = merged[name];
    corpus.different = files.size();
    Tapes tapes;
    for (const auto& [sha1, file] : files) tapes[sha1] = runner::ReadFile(file);
    const auto harness = std::ranges::find(project.all, name, &runner::HarnessEntry::name);
    if (harness == project.all.end()) {
      corpus.why_not = "this build has no such harness";
    } else if (harness->binary.empty()) {
      corpus.why_not = WhyNotBuilt(*harness);
    } else {
      try {
        for (const std::string& sha1 : NotNeeded(*harness, tapes)) tapes.erase(sha1);
      } catch (const runner::UserError& error) {
        corpus.why_not = error.what();
      }
    }
    corpus.kept = tapes.size();
    WriteTapes(to / name, tapes);
  }
  return merged;
}

// --- Findings.

struct FindingSource {
  findings::StoredFailure stored;
  std::map<std::string, std::string> files;  // besides those that the store writes
};

std::map<std::string, std::string> OtherFilesOf(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const fs::path& file : runner::FilesIn(folder)) {
    const std::string name = file.filename();
    if (name == "report.json" || name == "case" || name == "original" || name == "case.ops") {
      continue;
    }
    files[name] = runner::ReadFile(file);
  }
  return files;
}

// The part of the folder's name before the signature: "simulate-".
std::string PrefixOf(const findings::StoredFailure& stored) {
  const std::string name = stored.folder.filename();
  const size_t at = name.find(findings::FileNameOf(stored.failure.what.signature));
  return at == name.npos ? "" : name.substr(0, at);
}

// Of several findings with the same signature: the first that fails again here; if none can be run
// here, the first that failed again where it was found.
size_t ChooseFinding(const std::vector<findings::StoredFailure>& same, bool replay,
                     FindingChecker* checker, std::optional<bool>* replays) {
  constexpr size_t kMostReplays = 5;
  if (replay && same.size() > 1) {
    for (size_t i = 0; i < std::min(same.size(), kMostReplays); ++i) {
      const CheckedFinding checked = checker->Check(same[i]);
      if (runner::Interrupted()) throw runner::Interruption();
      if (checked.word == "failing" && checked.note.empty()) {
        *replays = true;
        return i;
      }
      if (checked.word == "cannot run") break;
    }
  }
  const auto recorded = std::ranges::find_if(
      same, [](const findings::StoredFailure& one) { return one.failure.replays == true; });
  return recorded == same.end() ? 0 : static_cast<size_t>(std::distance(same.begin(), recorded));
}

void AddVariants(const findings::Failure& from, findings::Failure* to) {
  const auto variants = from.what.details.find("variants");
  if (variants == from.what.details.end() || !variants->is_array()) return;
  Json& all = to->what.details["variants"];
  if (!all.is_array()) all = Json::array();
  for (const Json& variant : *variants) {
    const bool there = std::ranges::any_of(all, [&](const Json& one) {
      return one.value("signature", Json()) == variant.value("signature", Json());
    });
    if (!there) all.push_back(variant);
  }
}

std::string KeyOf(const findings::Failure& failure) {
  return failure.run.harness + "\n" + failure.run.server.Identity() + "\n" + failure.what.signature;
}

// Files the findings of all results below `to`, and returns them with their folders.
std::map<std::string, findings::StoredFailure> MergeFindings(
    const runner::Project& project, const std::vector<ResultFolder>& results, bool replay,
    const fs::path& to, std::vector<LeftOut>* broken) {
  std::map<std::string, std::vector<findings::StoredFailure>> same;
  for (const ResultFolder& result : results) {
    runner::Project there = project;
    there.work = result.path / "work";
    std::vector<std::string> unreadable;
    for (findings::StoredFailure& stored : findings::FindingStore(there).List(&unreadable)) {
      same[KeyOf(stored.failure)].push_back(std::move(stored));
    }
    for (const std::string& line : unreadable) broken->push_back({result.path, line});
  }
  runner::Project here = project;
  here.work = to / "work";
  findings::FindingStore store(here);
  FindingChecker checker(project);
  std::map<std::string, findings::StoredFailure> merged;
  for (auto& [key, all] : same) {
    std::ranges::sort(all, {}, [](const findings::StoredFailure& one) {
      return std::pair(one.failure.first_seen, one.folder);
    });
    std::optional<bool> replays;
    const size_t chosen = ChooseFinding(all, replay, &checker, &replays);
    findings::StoredFailure stored = all[chosen];
    findings::Failure& failure = stored.failure;
    if (replays) failure.replays = replays;
    for (size_t i = 0; i < all.size(); ++i) {
      if (i == chosen) continue;
      const findings::Failure& other = all[i].failure;
      failure.met += other.met;
      failure.first_seen = std::min(failure.first_seen, other.first_seen);
      failure.last_seen = std::max(failure.last_seen, other.last_seen);
      AddVariants(other, &failure);
    }
    const std::map<std::string, std::string> files = OtherFilesOf(stored.folder);
    stored.folder = store.Begin(PrefixOf(stored), failure, files);
    merged.emplace(key, std::move(stored));
  }
  std::error_code error;
  fs::remove(store.root() / ".lock", error);
  return merged;
}

// --- Reports.

// The options of a command line that differ from unit to unit.
std::string GroupOf(const std::string& verb, const std::vector<std::string>& words) {
  std::vector<std::string> kept = {verb};
  for (size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "--seed" || words[i] == "--seeds") {
      ++i;
    } else {
      kept.push_back(words[i]);
    }
  }
  return absl::StrJoin(kept, " ");
}

std::set<std::string> SettingsSetOf(const std::string& verb) {
  const std::vector<std::string> settings = SettingsOf(verb);
  return {settings.begin(), settings.end()};
}

// What a run has shown, by verb and options: of units, and of what merges have made of units.
class GroupedReports {
 public:
  void Add(report::Report report, const std::string& name) {
    if (report.verb == "merge") {
      for (report::Report& one : report.reports) Add(std::move(one), name);
      return;
    }
    // The report of a merge has its group as its arguments.
    const std::vector<std::string> words =
        report.arguments.empty() ? std::vector<std::string>{report.verb} : report.arguments;
    const std::string group = GroupOf(words[0], words);
    auto at = groups_.find(group);
    if (at == groups_.end()) {
      at = groups_.emplace(group, report::Merger(SettingsSetOf(words[0]))).first;
      words_[group] = Common(words);
    }
    at->second.Add(std::move(report), name);
  }

  std::vector<report::Report> Take() {
    std::vector<report::Report> reports;
    for (auto& [group, merger] : groups_) {
      report::Report report = merger.Take();
      report.arguments = words_[group];
      reports.push_back(std::move(report));
    }
    return reports;
  }

 private:
  static std::vector<std::string> Common(const std::vector<std::string>& words) {
    std::vector<std::string> common;
    for (size_t i = 0; i < words.size(); ++i) {
      if (words[i] == "--seed" || words[i] == "--seeds") {
        ++i;
      } else {
        common.push_back(words[i]);
      }
    }
    return common;
  }

  std::map<std::string, report::Merger> groups_;
  std::map<std::string, std::vector<std::string>> words_;
};

// Replaces what the reports say of findings by what the merged folders have; findings that no
// report names go into `whole`.
void FileFindings(const runner::Project& project, const fs::path& output,
                  const std::map<std::string, findings::StoredFailure>& merged,
                  const fs::path& written, report::Report* whole) {
  std::map<std::string, Json> of_folder;  // by harness and signature
  for (const auto& [key, stored] : merged) {
    Json json = ToJson(stored.failure);
    const fs::path folder = output / stored.folder.lexically_relative(written);
    json["folder"] = runner::JsonText(project.Shown(folder));
    json["replay"] = runner::JsonText(findings::ReplayCommand(project, folder));
    json["met"] = stored.failure.met;
    json["repeats"] = stored.failure.met - 1;
    of_folder[stored.failure.run.harness + "\n" + stored.failure.what.signature] = std::move(json);
  }
  std::set<std::string> named;
  for (report::Report& one : whole->reports) {
    for (report::Finding& finding : one.findings) {
      const std::string key = finding.harness + "\n" + finding.signature;
      const auto at = of_folder.find(key);
      if (at == of_folder.end()) continue;
      named.insert(key);
      Json json = at->second;
      for (const char* const kept : {"attachments", "met_as", "variants", "known", "fails"}) {
        if (finding.json.contains(kept)) json[kept] = finding.json[kept];
      }
      finding = report::FindingOf(json);
    }
  }
  for (const auto& [key, json] : of_folder) {
    if (!named.contains(key)) whole->findings.push_back(report::FindingOf(json));
  }
}

void AddResults(const Collected& all, report::Report* whole) {
  for (const LeftOut& one : all.left_out) {
    whole->results.push_back(
        {.name = "result " + one.folder,
         .status = one.matters ? report::Status::kUnknown : report::Status::kSkipped,
         .note = "left out: " + one.why});
  }
  std::set<std::string> there;
  for (const ResultFolder& result : all.results) {
    there.insert(result.units.begin(), result.units.end());
    // A merge says this of its units in its own report.
    if (result.units.size() > 1 || result.done()) continue;
    report::Result one = {.name = "unit " + result.units[0],
                          .status = report::Status::kUnknown,
                          .note = "interrupted: what was done by then is merged",
                          .command = "./resprobe " + absl::StrJoin(result.command, " "),
                          .seconds = result.seconds};
    if (!result.interrupted) {
      one.status = report::Status::kFailed;
      one.note = result.exit_code >= 128
                     ? "ended by signal " + std::to_string(result.exit_code - 128)
                     : "exit code " + std::to_string(result.exit_code);
      std::string log = result.files.contains("log.txt") ? runner::ReadFile(result.path / "log.txt")
                                                         : std::string();
      while (log.ends_with('\n')) log.pop_back();
      if (!log.empty()) {
        one.note += ": " + runner::TerminalText(log.substr(log.rfind('\n') + 1));
      }
    }
    whole->results.push_back(std::move(one));
  }
  for (const auto& [id, plan] : all.plans) {
    std::vector<std::string> missing;
    for (uint64_t i = 0; i < plan.units; ++i) {
      if (!there.contains(id + "/" + std::to_string(i))) {
        missing.push_back(NameOf(UnitOf(plan, i)));
      }
    }
    if (missing.empty()) continue;
    constexpr size_t kMost = 20;
    std::string names = absl::StrJoin(
        missing.begin(), missing.begin() + static_cast<ptrdiff_t>(std::min(missing.size(), kMost)),
        ", ");
    if (missing.size() > kMost) names += " and " + std::to_string(missing.size() - kMost) + " more";
    whole->results.push_back({.name = "campaign " + id + ": every unit has a result",
                              .status = report::Status::kUnknown,
                              .note = absl::StrFormat("%d of %d units have none: %s",
                                                      missing.size(), plan.units, names)});
  }
}

void Say(const MergeOptions& options, const std::string& line) {
  std::fprintf(options.out, "%s\n", runner::TerminalText(line).c_str());
  std::fflush(options.out);
}

}  // namespace

report::Report Merge(const runner::Project& project, const MergeOptions& options) {
  const double start = runner::Now();
  Collected all;
  for (const std::string& folder : options.folders) Collect(folder, &all);
  TakeDisjoint(&all);
  if (all.results.empty()) {
    const std::string why =
        all.left_out.empty() ? ""
                             : ", such as " + all.left_out[0].folder + ": " + all.left_out[0].why;
    throw runner::UserError(absl::StrJoin(options.folders, " ") + ": no result can be merged: " +
                            std::to_string(all.left_out.size()) + " left out" + why);
  }
  std::error_code error;
  const fs::path output = fs::absolute(options.output).lexically_normal();
  if (fs::exists(output, error) && !fs::is_empty(output, error) &&
      !fs::exists(output / "result.json", error)) {
    throw runner::UserError(options.output.string() +
                            ": holds something else than a result: name another --output");
  }
  const fs::path temp = output.parent_path() /
                        ("." + output.filename().string() + ".new." + std::to_string(getpid()));
  fs::remove_all(temp, error);
  runner::MakeFolder(temp / "work");

  report::Report whole;
  try {
    ResultFolder result;
    result.verb = "merge";
    uint64_t units = 0;
    GroupedReports grouped;
    std::set<std::string> hosts;
    for (const ResultFolder& one : all.results) {
      if (runner::Interrupted()) throw runner::Interruption();
      units += one.units.size();
      result.units.insert(result.units.end(), one.units.begin(), one.units.end());
      result.seconds += one.seconds;
      hosts.insert(one.host);
      if (result.started.empty() || one.started < result.started) result.started = one.started;
      std::optional<report::Report> report;
      try {
        report = ReportOfResult(one);
      } catch (const runner::UserError& unreadable) {
        all.left_out.push_back({one.path, std::string("its report: ") + unreadable.what()});
      }
      if (!report) continue;
      if (report->verb == "merge") {
        // What was wrong with its parts is wrong with the whole.
        for (report::Result& of_part : report->results) whole.results.push_back(of_part);
      }
      grouped.Add(std::move(*report), one.units[0]);
    }
    const double read = runner::Now();
    const std::map<std::string, MergedCorpus> corpora =
        MergeCorpora(project, all.results, temp / "work" / "corpus");
    const double corpora_end = runner::Now();
    const std::map<std::string, findings::StoredFailure> merged =
        MergeFindings(project, all.results, options.replay, temp, &all.left_out);

    whole.verb = "merge";
    whole.version = RESPROBE_VERSION;
    whole.host = hosts.size() == 1 ? *hosts.begin() : std::to_string(hosts.size()) + " hosts";
    whole.started = result.started;
    whole.seconds = result.seconds;
    whole.reports = grouped.Take();
    AddResults(all, &whole);
    FileFindings(project, output, merged, temp, &whole);
    whole.own = {{"units", units}, {"merged_results", all.results.size()}};
    if (!corpora.empty()) {
      Json& json = whole.own["corpora"] = Json::object();
      for (const auto& [name, corpus] : corpora) {
        json[name] = {{"offered", corpus.offered},
                      {"different", corpus.different},
                      {"kept", corpus.kept},
                      {"by", corpus.why_not.empty() ? "coverage" : "content: " + corpus.why_not}};
      }
    }
    const report::Summary summary = SummaryOf(whole);
    const bool passed = StatusOf(summary) == report::Status::kPassed;
    whole.exit_code = passed ? runner::kAllWell : runner::kFinding;
    runner::WriteFile(temp / "report.json", report::ToJson(whole).dump(2) + "\n");
    result.exit_code = whole.exit_code;
    result.host = whole.host;
    FinishResult(temp, result, output);

    for (const LeftOut& one : all.left_out) Say(options, one.folder + ": left out: " + one.why);
    for (const auto& [name, corpus] : corpora) {
      Say(options,
          absl::StrFormat("corpus %s: %d inputs, %d different -> %d, by %s", name, corpus.offered,
                          corpus.different, corpus.kept,
                          corpus.why_not.empty() ? "coverage" : "content: " + corpus.why_not));
    }
    for (const auto& [key, stored] : merged) {
      Say(options, absl::StrFormat("%s, met %s: %s", stored.failure.what.signature,
                                   findings::Plural(stored.failure.met, "time"),
                                   project.Shown(output / stored.folder.lexically_relative(temp))));
    }
    Say(options,
        absl::StrFormat(
            "%s of %s merged, %s left out, %s, in %.1f s (results read %.1f, corpora %.1f) -> %s",
            findings::Plural(all.results.size(), "result"), findings::Plural(units, "unit"),
            std::to_string(all.left_out.size()), findings::Plural(merged.size(), "finding"),
            runner::Now() - start, read - start, corpora_end - read, project.Shown(output)));
  } catch (...) {
    fs::remove_all(temp, error);
    throw;
  }
  return whole;
}

}  // namespace resprobe::cli
