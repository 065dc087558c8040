// smoke: one case of everything, in under a minute.

#include <absl/strings/str_format.h>

#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/full/parts.h"
#include "cli/output_options.h"
#include "cli/verbs.h"
#include "report/writers.h"
#include "runner/files.h"
#include "runner/harness_process.h"
#include "runner/output.h"
#include "runner/process.h"
#include "runner/project.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

struct SmokeOptions {
  int64_t seed = 1;
  runner::OutputOptions output;
};

// One line of the result.
struct SmokeStep {
  std::string name;
  std::string word = "ok";  // "FAIL", "skipped"
  std::string note;         // what is wrong, or why it was skipped
  std::string command;      // that does the same
  double seconds = 0;
};

class Smoke {
 public:
  Smoke(const runner::Project& project, const SmokeOptions& options)
      : project_(project), options_(options) {}

  int Run();

 private:
  void Harnesses();
  // A verb of this program, in a process of its own.
  void Verb(const std::string& name, std::vector<std::string> words);
  void Servers();
  void Add(SmokeStep step);

  const runner::Project& project_;
  const SmokeOptions& options_;
  std::vector<SmokeStep> steps_;
};

void Smoke::Add(SmokeStep step) {
  if (options_.output.text_on_stdout()) {
    absl::PrintF("%-8s %-44s %6.0f ms%s%s\n", step.word, step.name, 1000 * step.seconds,
                 step.note.empty() ? "" : "  ", runner::TerminalText(step.note));
    if (step.word == "FAIL") std::printf("         %s\n", step.command.c_str());
    std::fflush(stdout);
  }
  steps_.push_back(std::move(step));
}

void Smoke::Harnesses() {
  for (const runner::HarnessEntry& harness : project_.all) {
    if (harness.live) continue;  // they run with their servers, below
    SmokeStep step;
    step.name = "harness " + harness.name;
    const double start = runner::Now();
    if (harness.left_out || harness.binary.empty()) {
      step.word = "skipped";
      step.note = runner::WhyNotBuilt(harness);
      Add(std::move(step));
      continue;
    }
    const runner::TempFolder temp;
    const std::vector<fs::path> tapes =
        GenerateMany(harness, static_cast<uint64_t>(options_.seed), 1, temp.path());
    RunCases(harness, tapes, {.trace = false, .twice = true, .limits = {.timeout_seconds = 25}},
             [&](const runner::CaseResult& result) {
               if (!result.failed()) return;
               step.word = "FAIL";
               step.note = result.outcome + ": " + result.signature;
             });
    step.command = "./resprobe replay --twice --harness " + harness.name + " --seed " +
                   std::to_string(options_.seed);
    step.seconds = runner::Now() - start;
    Add(std::move(step));
  }
}

void Smoke::Verb(const std::string& name, std::vector<std::string> words) {
  SmokeStep step;
  step.name = name;
  step.command = "./resprobe";
  for (const std::string& word : words) step.command += " " + runner::ShellWord(word);
  words.insert(words.begin(), fs::read_symlink("/proc/self/exe"));
  const double start = runner::Now();
  const runner::RunResult result = runner::RunToEnd({words, {}});
  step.seconds = runner::Now() - start;
  if (result.exit_code != runner::kAllWell) {
    step.word = "FAIL";
    std::string text = result.err.empty() ? result.out : result.err;
    while (text.ends_with('\n')) text.pop_back();
    step.note = text.substr(text.rfind('\n') == text.npos ? 0 : text.rfind('\n') + 1);
  }
  Add(std::move(step));
}

void Smoke::Servers() {
  const std::string seed = std::to_string(options_.seed);
  for (const char* const server : {"redis-server", "valkey-server"}) {
    if (!IsInPath(server)) {
      SmokeStep step;
      step.name = server;
      step.word = "skipped";
      step.note = "it is not here: ./resprobe packages fetches it";
      Add(std::move(step));
      continue;
    }
    const std::string on = std::string(", ") + server;
    Verb("oracle" + on, {"oracle", "--start", server, "--seeds", "20"});
    Verb("model-check" + on, {"model-check", "--start", server, "--seeds", "5"});
    Verb("lives, killed and recovered" + on,
         {"simulate", "--start", server, "--seeds", "1", "--seed", seed, "--ops", "300"});
    Verb("crash in a write" + on,
         {"chaos", "--start", server, "--faults", "crash_mid_write", "--seeds", "5"});
  }
}

int Smoke::Run() {
  const double start = runner::Now();
  const std::string seed = std::to_string(options_.seed);
  Harnesses();
  // Two seeds are of two profiles.
  Verb("lives of the core, both profiles",
       {"simulate", "--seeds", "2", "--seed", seed, "--ops", "300"});
  Verb("crash at every call to the disk", {"crash-points", "--seed", seed, "--budget", "50"});
  Servers();
  std::map<std::string, size_t> words;
  for (const SmokeStep& step : steps_) ++words[step.word];
  const double seconds = runner::Now() - start;
  if (options_.output.text_on_stdout()) {
    absl::PrintF("%d ok, %d failed, %d skipped, in %.1f s\n", words["ok"], words["FAIL"],
                 words["skipped"], seconds);
  }
  const int code = words["FAIL"] > 0 ? runner::kFinding : runner::kAllWell;
  if (options_.output.report()) {
    report::Report report = report::NewReport("smoke", seconds);
    report.exit_code = code;
    report.own["seed"] = options_.seed;
    for (const SmokeStep& step : steps_) {
      report.results.push_back({.name = step.name,
                                .status = step.word == "ok"        ? report::Status::kPassed
                                          : step.word == "skipped" ? report::Status::kSkipped
                                                                   : report::Status::kFailed,
                                .note = step.note,
                                .command = step.command,
                                .seconds = step.seconds});
    }
    report::Write(report, options_.output);
  }
  return code;
}

}  // namespace

Verb SmokeVerb() {
  const auto options = std::make_shared<SmokeOptions>();
  Verb verb("smoke", "one case of everything, in under a minute");
  verb.details =
      "A generated case of each harness, twice; lives of the core with both profiles, and their "
      "recovery after a crash; a case of durability that is crashed at every call to its disk; "
      "and, for each of redis-server and valkey-server that is here, the oracle, the model check, "
      "a life that is killed and recovers, and crashes in a write. What is not here is skipped, "
      "and is said.";
  verb.examples = {{"smoke", "says in a minute whether anything is badly broken"}};
  verb.exit_codes = "0 nothing failed, 1 something did, 2 wrong use.";
  verb.Number("--seed", "N", &options->seed, 0, INT32_MAX, "The case of each").ShowDefault();
  AddReportOptions(&verb, &options->output);
  verb.run = [=] {
    options->output.Check();
    const runner::Project project = runner::OpenProject();
    return Smoke(project, *options).Run();
  };
  return verb;
}

}  // namespace resprobe::cli
