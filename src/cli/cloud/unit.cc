#include "cli/cloud/unit.h"

#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/cloud/result_folder.h"
#include "findings/failure.h"
#include "findings/finding_store.h"
#include "report/report.h"
#include "runner/json.h"
#include "runner/process.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

constexpr int kOfSignal = 128;  // and the number of the signal: an exit code

std::string HostName() {
  char host[256] = {};
  return gethostname(host, sizeof(host) - 1) == 0 ? host : "unknown";
}

std::string LastLineIn(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text.substr(text.rfind('\n') == text.npos ? 0 : text.rfind('\n') + 1);
}

void KeepEnd(std::string* text) {
  constexpr size_t kMuch = 64 << 10;
  if (text->size() > 2 * kMuch) text->erase(0, text->size() - kMuch);
}

// Copies the inputs of a corpus that are whole: their names are their SHA-1. Other files are not
// taken, since a killed process may have been writing them.
void CopyInputs(const fs::path& from, const fs::path& to) {
  for (const fs::path& file : runner::FilesIn(from)) {
    const std::string content = runner::ReadFile(file);
    const std::string name = file.filename().string();
    if (!name.starts_with(runner::Sha1(content))) continue;
    runner::MakeFolder(to);
    runner::WriteFile(to / name, content);
  }
}

void CopyCorpora(const fs::path& from, const fs::path& to) {
  std::error_code error;
  for (fs::directory_iterator at(from, error), end; !error && at != end; at.increment(error)) {
    CopyInputs(at->path(), to / at->path().filename());
  }
}

// Copies the findings that are whole: report.json is written last.
void CopyFindings(const fs::path& from, const fs::path& to) {
  std::error_code error;
  for (fs::recursive_directory_iterator at(from, error), end; !error && at != end;
       at.increment(error)) {
    if (!at->is_directory(error)) continue;
    if (at->path().filename().string().starts_with('.')) {
      at.disable_recursion_pending();
      continue;
    }
    try {
      if (!findings::IsFinding(at->path())) continue;
      findings::ReadFinding(at->path());
    } catch (const runner::UserError&) {
      continue;
    }
    const fs::path copy = to / at->path().lexically_relative(from);
    runner::MakeFolder(copy.parent_path());
    std::error_code ignored;  // the finding is met again, or not
    fs::copy(at->path(), copy, fs::copy_options::recursive, ignored);
    at.disable_recursion_pending();
  }
}

// Takes up what earlier attempts at the unit have left. Returns how many there were.
size_t TakeUp(const CloudUnit& unit, const fs::path& results, const fs::path& attempt) {
  std::vector<fs::path> earlier;
  std::error_code error;
  for (fs::directory_iterator at(results, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (at->path() == attempt) continue;
    if (name.starts_with("." + NameOf(unit) + ".") || name == NameOf(unit)) {
      earlier.push_back(at->path());
    }
  }
  std::ranges::sort(earlier);
  for (const fs::path& folder : earlier) {
    CopyCorpora(folder / "work" / "corpus", attempt / "work" / "corpus");
    CopyFindings(folder / "work" / "findings", attempt / "work" / "findings");
  }
  return earlier.size();
}

// Copies the unit's share of the campaign's corpus.
void CopyShard(const CloudPlan& plan, const CloudUnit& unit, const fs::path& to) {
  std::error_code error;
  if (!fs::is_directory(plan.corpus, error)) {
    throw runner::UserError("--corpus " + plan.corpus + ": is no folder on this machine (" +
                            HostName() + ")");
  }
  for (const fs::path& file : runner::FilesIn(plan.corpus)) {
    const std::string content = runner::ReadFile(file);
    const std::string sha1 = runner::Sha1(content);
    constexpr int kDigits = 8;
    if (std::stoul(sha1.substr(0, kDigits), nullptr, 16) % unit.shards != unit.shard) continue;
    runner::MakeFolder(to);
    runner::WriteFile(to / sha1, content);
  }
}

// Names the report after the work, and findings after the folder that will have them.
report::Report NameReport(const fs::path& attempt, const std::string& name,
                          const std::vector<std::string>& words) {
  const fs::path file = attempt / "report.json";
  report::Report report =
      report::ReadReport(Json::parse(runner::ReadFile(file), nullptr, false), file);
  report.arguments = words;
  for (report::Finding& finding : report.findings) {
    for (const char* const key : {"folder", "replay"}) {
      const auto at = finding.json.find(key);
      if (at == finding.json.end() || !at->is_string()) continue;
      *at = absl::StrReplaceAll(at->get<std::string>(),
                                {{"/" + attempt.filename().string() + "/", "/" + name + "/"}});
    }
  }
  runner::WriteFile(file, report::ToJson(report).dump(2) + "\n");
  return report;
}

}  // namespace

bool IsUnitDone(const CloudPlan& plan, uint64_t number, const fs::path& results) {
  try {
    return ReadResultHead(results / NameOf(UnitOf(plan, number))).done();
  } catch (const runner::UserError&) {
    return false;
  }
}

int RunUnit(const CloudPlan& plan, uint64_t number, const fs::path& results) {
  const CloudUnit unit = UnitOf(plan, number);
  const std::string name = NameOf(unit);
  const std::vector<std::string> words = WordsOf(plan, unit);
  const std::string said =
      "unit " + name + ": " + runner::TerminalText(absl::StrJoin(words, " ")) + ": ";
  if (IsUnitDone(plan, number, results)) {
    std::printf("%sdone before\n", said.c_str());
    return runner::kAllWell;
  }
  const fs::path attempt =
      results / ("." + name + "." + HostName() + "." + std::to_string(getpid()));
  std::error_code error;
  fs::remove_all(attempt, error);
  runner::MakeFolder(attempt / "work");
  const size_t earlier = TakeUp(unit, results, attempt);
  if (!plan.corpus.empty()) {
    CopyShard(plan, unit, attempt / "work" / "corpus" / unit.harness);
  }

  ResultFolder result;
  result.units = {plan.Id() + "/" + std::to_string(number)};
  result.verb = plan.verb;
  result.host = HostName();
  result.started = findings::TimeNow();
  result.command = words;
  runner::Command command;
  command.argv = {fs::read_symlink("/proc/self/exe")};
  command.argv.insert(command.argv.end(), words.begin(), words.end());
  command.argv.insert(command.argv.end(),
                      {"--format", "json", "--output", attempt / "report.json"});
  command.environment = {{"RESPROBE_WORK_DIR", attempt / "work"}};
  const double start = runner::Now();
  runner::Process process(command);
  bool told = false;
  constexpr double kPoll = 0.2;
  while (process.Pump(kPoll)) {
    if (!told && runner::Interrupted()) {
      process.Signal(SIGINT);
      told = true;
    }
    KeepEnd(&process.out);
    KeepEnd(&process.err);
  }
  runner::ForgetInterrupts();  // what was done is still written
  result.seconds = runner::Now() - start;
  result.interrupted = told;
  result.exit_code = process.signal() != 0 ? kOfSignal + process.signal() : process.exit_code();
  runner::WriteFile(attempt / "log.txt", process.out + process.err);
  std::string outcome = absl::StrFormat("%.1f s", result.seconds);
  if (fs::exists(attempt / "report.json", error)) {
    const report::Report report = NameReport(attempt, name, words);
    outcome = report::NameOf(StatusOf(SummaryOf(report))) + ", " +
              std::to_string(report.findings.size()) + " " + report.noun +
              (report.findings.size() == 1 ? "" : "s") + ", " + outcome;
  } else {
    outcome = "no report, " + outcome + ": " +
              runner::TerminalText(LastLineIn(process.err.empty() ? process.out : process.err));
  }
  if (process.signal() != 0) {
    outcome = "ended by signal " + std::to_string(process.signal()) + ", " + outcome;
  }
  if (earlier > 0) {
    outcome += earlier == 1 ? ", after an attempt that did not end"
                            : ", after " + std::to_string(earlier) + " attempts that did not end";
  }
  FinishResult(attempt, result, results / name);
  std::printf("%s%s%s\n", said.c_str(), told ? "interrupted, " : "", outcome.c_str());
  std::fflush(stdout);
  if (told) throw runner::Interruption();
  return result.done() ? runner::kAllWell : runner::kFinding;
}

}  // namespace resprobe::cli
