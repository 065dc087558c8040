#include "cli/full/parts.h"

#include <absl/strings/str_format.h>
#include <absl/strings/str_replace.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <sstream>
#include <utility>

#include "runner/files.h"
#include "runner/json.h"
#include "runner/process.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

std::string LastLineOf(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text.substr(text.rfind('\n') == text.npos ? 0 : text.rfind('\n') + 1);
}

std::string CommandOf(const std::vector<std::string>& words) {
  std::string text = "./resprobe";
  for (const std::string& word : words) text += " " + runner::ShellWord(word);
  return text;
}

// Runs the words, and adds their report, or a result that says why there is none.
void RunPart(const Part& part, const std::vector<std::string>& words, report::Report* whole) {
  const runner::TempFolder temp;
  const fs::path file = temp.path() / "report.json";
  std::vector<std::string> argv = {fs::read_symlink("/proc/self/exe")};
  argv.insert(argv.end(), words.begin(), words.end());
  argv.insert(argv.end(), {"--format", "json", "--output", file});
  const double start = runner::Now();
  runner::Process process({argv, {}});
  bool told = false;
  constexpr double kPoll = 0.2;
  while (process.Pump(kPoll)) {
    if (!told && runner::Interrupted()) {
      process.Signal(SIGINT);
      told = true;
    }
    constexpr size_t kMuch = 1 << 20;
    if (process.out.size() > kMuch) process.out.clear();
  }
  std::error_code error;
  if (fs::exists(file, error)) {
    const Json json = Json::parse(runner::ReadFile(file), nullptr, false);
    report::Report report = report::ReadReport(json, part.name);
    report.arguments = words;  // without the folder that is gone
    report.verb = part.name;
    if (part.judge) part.judge(&report);
    whole->reports.push_back(std::move(report));
    return;
  }
  report::Result result = {.name = part.name,
                           .status = report::Status::kFailed,
                           .note = LastLineOf(process.err.empty() ? process.out : process.err),
                           .command = CommandOf(words),
                           .seconds = runner::Now() - start};
  if (told) {
    result.status = report::Status::kUnknown;
    result.note = "interrupted";
  } else if (process.signal() != 0) {
    result.note = "ended by signal " + std::to_string(process.signal()) + ": " + result.note;
  }
  whole->results.push_back(std::move(result));
}

}  // namespace

void RunParts(const std::vector<Part>& parts, double seconds,
              const std::function<void(const std::string&)>& say, report::Report* whole) {
  const double start = runner::Now();
  double shares = 0;
  double reserved = 0;  // for those without a share
  for (const Part& part : parts) {
    if (!part.left_out.empty()) continue;
    shares += part.share;
    if (part.share == 0) reserved += part.least;
  }
  for (const Part& part : parts) {
    const double left = seconds - (runner::Now() - start);
    if (part.left_out.empty() && part.share == 0) reserved -= part.least;
    const double own = shares > 0 ? (left - reserved) * part.share / shares : 0;
    if (part.left_out.empty()) shares -= part.share;
    std::string left_out = part.left_out;
    if (left_out.empty() && runner::Interrupted()) left_out = "interrupted before it";
    if (left_out.empty() && seconds > 0 && (part.share > 0 ? own : left) < part.least) {
      left_out =
          absl::StrFormat("no time is left for it: it takes %g s at least, add --time", part.least);
    }
    if (!left_out.empty()) {
      whole->results.push_back(
          {.name = part.name, .status = report::Status::kSkipped, .note = left_out});
      say(absl::StrFormat("%-8s %-44s %s", "skipped", part.name, left_out));
      continue;
    }
    std::vector<std::string> words = part.words;
    for (std::string& word : words) {
      word = absl::StrReplaceAll(word, {{"{time}", absl::StrFormat("%.1fs", own)},
                                        {"{seconds}", absl::StrFormat("%.0f", own)},
                                        {"{each}", absl::StrFormat("%.2fs", own / part.each)}});
    }
    const double began = runner::Now();
    const size_t reports = whole->reports.size();
    RunPart(part, words, whole);
    const double took = runner::Now() - began;
    report::Status status = report::Status::kFailed;
    std::string note;
    if (whole->reports.size() > reports) {
      const report::Report& report = whole->reports.back();
      status = StatusOf(SummaryOf(report));
      if (!report.findings.empty()) {
        note = absl::StrFormat("%d %s%s", report.findings.size(), report.noun,
                               report.findings.size() == 1 ? "" : "s");
      } else if (!report.vacuous.empty()) {
        note = report.vacuous;
      }
    } else {
      note = whole->results.back().note;
    }
    const char* const word = status == report::Status::kPassed    ? "ok"
                             : status == report::Status::kUnknown ? "unknown"
                                                                  : "FAIL";
    say(absl::StrFormat("%-8s %-44s %6.1f s  %s", word, part.name, took, note));
    if (status != report::Status::kPassed) say("         " + CommandOf(words));
  }
}

bool IsInPath(const std::string& program) {
  const char* const path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (access((folder + "/" + program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

int ExitCodeOf(const report::Report& whole) {
  if (runner::Interrupted()) return runner::kInterrupted;
  return StatusOf(SummaryOf(whole)) == report::Status::kPassed ? runner::kAllWell
                                                               : runner::kFinding;
}

}  // namespace resprobe::cli
