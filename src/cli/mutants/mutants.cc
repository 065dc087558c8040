// mutants: how many planted faults the harnesses detect, and how soon.

#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

#include "cli/fuzz/fuzz_job.h"
#include "cli/mutants/mutant_results.h"
#include "cli/mutants/mutant_table.h"
#include "cli/mutants/mutant_trial.h"
#include "cli/output_options.h"
#include "cli/server_options.h"
#include "cli/verbs.h"
#include "report/writers.h"
#include "runner/duration.h"
#include "runner/harness_process.h"
#include "runner/output.h"
#include "runner/process.h"
#include "runner/project.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

struct MutantsOptions {
  std::vector<std::string> harnesses;
  std::vector<std::string> only;
  double seconds = 60;
  uint64_t trials = 10;
  std::string corpus;
  bool seeds_only = false;
  bool random_bytes = false;
  std::vector<std::string> without;
  unsigned jobs = 1;
  bool fresh = false;
  bool list = false;
  findings::RunLimits limits;
  ServerOptions server;
  runner::OutputOptions output;
};

std::vector<mutants::Mutant> ReadMutants(const fs::path& source) {
  std::vector<mutants::ListError> errors;
  std::vector<mutants::Mutant> all = mutants::ReadLists(source, &errors);
  if (!errors.empty()) throw runner::UserError(errors.front().text);
  return all;
}

// Those that --only and --harness leave, with the harnesses that are left.
std::vector<mutants::Mutant> Select(std::vector<mutants::Mutant> all,
                                    const MutantsOptions& options) {
  for (const std::string& prefix : options.only) {
    if (std::ranges::none_of(all, [&](const auto& one) { return one.name.starts_with(prefix); })) {
      throw runner::UserError("--only " + prefix +
                              ": no fault has such a name: ./resprobe mutants "
                              "--list lists them");
    }
  }
  std::set<std::string> named;
  for (const mutants::Mutant& mutant : all) {
    named.insert(mutant.harnesses.begin(), mutant.harnesses.end());
  }
  for (const std::string& harness : options.harnesses) {
    if (!named.contains(harness)) {
      throw runner::UserError("--harness " + harness + ": no fault is for it: use one of " +
                              absl::StrJoin(named, ", "));
    }
  }
  std::vector<mutants::Mutant> selected;
  for (mutants::Mutant& mutant : all) {
    if (!options.only.empty() && std::ranges::none_of(options.only, [&](const std::string& prefix) {
          return mutant.name.starts_with(prefix);
        })) {
      continue;
    }
    if (!options.harnesses.empty()) {
      std::erase_if(mutant.harnesses, [&](const std::string& harness) {
        return std::ranges::find(options.harnesses, harness) == options.harnesses.end();
      });
      if (mutant.harnesses.empty()) continue;
    }
    selected.push_back(std::move(mutant));
  }
  return selected;
}

int List(const std::vector<mutants::Mutant>& all) {
  size_t width = 0;
  for (const mutants::Mutant& mutant : all) width = std::max(width, mutant.name.size());
  for (const mutants::Mutant& mutant : all) {
    absl::PrintF("%-*s  %s\n%*s  %s; %s\n", static_cast<int>(width), mutant.name, mutant.breaks,
                 static_cast<int>(width), "", mutant.file, absl::StrJoin(mutant.harnesses, ", "));
  }
  absl::PrintF("%d faults\n", all.size());
  return runner::kAllWell;
}

bool ServerExists() {
  std::istringstream words(runner::LiveServerCommand());
  std::string program;
  words >> program;
  if (program.find('/') != std::string::npos) return access(program.c_str(), X_OK) == 0;
  const char* const path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (access((folder + "/" + program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

std::vector<std::string> Sources(const MutantsOptions& options) {
  if (options.seeds_only) return {"seeds"};
  if (options.random_bytes) return {"bytes"};
  if (!options.corpus.empty()) return {options.corpus};
  return {std::begin(kCaseSources), std::end(kCaseSources)};
}

// Measures what a plan lacks, in several threads.
class Bench {
 public:
  Bench(const MutantsOptions& options, const MutantPlan& plan, const runner::Project& project,
        ResultStore* store, std::FILE* out)
      : options_(options), plan_(plan), project_(project), store_(store), out_(out) {}

  // Every harness once: where it is, and whether it is what it claims to be.
  void Prepare() {
    const runner::Project plain = runner::OpenProject();
    runner::Project own = project_;
    own.work = project_.work / "mutants";
    for (const auto& [name, build] : plan_.builds) {
      const runner::HarnessEntry& harness = project_.Find(name);
      seeds_[name] = SeedFolder(own, harness, project_.CorpusOf(harness), {});
      std::string all = build;
      for (const fs::path& file : runner::FilesIn(seeds_[name])) all += runner::ReadFile(file);
      const std::string key = runner::Sha1(all);
      if (!store_->IsSound(key) && CheckSound(harness, plain)) store_->AddSound(key, name);
    }
    // Trials last: what an interrupted run has is then every fault once, and not some ten times.
    for (uint64_t number = 0; number < plan_.trials; ++number) {
      for (const std::string& source : plan_.sources) {
        for (const mutants::Mutant& mutant : plan_.mutants) {
          units_.push_back({&mutant, source, number});
        }
      }
    }
  }

  // Throws what the first thread that failed threw.
  void Run() {
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < options_.jobs; ++i) threads.emplace_back([this] { Work(); });
    for (std::thread& thread : threads) thread.join();
    if (failed_) std::rethrow_exception(failed_);
  }

 private:
  struct Unit {
    const mutants::Mutant* mutant;
    std::string source;
    uint64_t number;
  };

  // With no fault on, the seeds must run as in the harness itself. (Beside a real server a run has
  // no reproducible hash, and takes long.) False if the harness itself is not there to compare
  // with.
  bool CheckSound(const runner::HarnessEntry& harness, const runner::Project& plain) {
    const std::vector<fs::path> files = runner::FilesIn(seeds_[harness.name]);
    if (!harness.live && !files.empty()) {
      std::map<fs::path, std::string> hashes;
      runner::RunCases(harness, files, {}, [&](const runner::CaseResult& result) {
        if (result.failed()) {
          throw runner::UserError(harness.name + ": " + result.file.string() + " fails (" +
                                  result.signature + ") with no fault switched on");
        }
        hashes[result.file] = result.hash;
      });
      const auto at = std::ranges::find_if(plain.all, [&](const runner::HarnessEntry& one) {
        return one.name == harness.name && !one.binary.empty();
      });
      if (at == plain.all.end()) return false;
      runner::RunCases(*at, files, {}, [&](const runner::CaseResult& result) {
        if (result.hash != hashes[result.file]) {
          throw runner::UserError(harness.name + ": " + result.file.string() +
                                  " does not run as in the harness, with no fault switched on: an "
                                  "entry changes more than it says, or one of the two is not built "
                                  "again");
        }
      });
    }
    return true;
  }

  void Work() {
    try {
      while (!failed_flag_ && !runner::Interrupted()) {
        const size_t next = next_++;
        if (next >= units_.size()) return;
        RunUnit(units_[next]);
      }
    } catch (const runner::Interruption&) {
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failed_) failed_ = std::current_exception();
      failed_flag_ = true;
    }
  }

  void RunUnit(const Unit& unit) {
    for (const std::string& harness : unit.mutant->harnesses) {
      if (!plan_.builds.contains(harness)) continue;
      const Trial trial = plan_.TrialOf(*unit.mutant, harness, unit.source, unit.number);
      if (const TrialResult* const known = store_->Find(trial)) {
        if (known->detected()) return;
        continue;
      }
      const std::optional<TrialResult> result =
          RunTrial(project_, trial, seeds_.at(harness), options_.limits);
      if (!result) return;
      store_->Add(trial, *result);
      Say(trial, *result);
      if (result->detected()) return;
    }
  }

  void Say(const Trial& trial, const TrialResult& result) {
    std::string text = absl::StrFormat("%s, %s, %s, trial %d: ", trial.mutant, trial.harness,
                                       trial.source, trial.number + 1);
    if (result.detected()) {
      text += absl::StrFormat("%s after %s executions, %.1f s", result.signature,
                              runner::Grouped(result.executions), result.seconds);
      if (result.ops > 0) text += absl::StrFormat(", %d ops, %d bytes", result.ops, result.bytes);
    } else {
      text +=
          absl::StrFormat("not detected in %s executions, %s", runner::Grouped(result.executions),
                          result.triggered     ? "triggered"
                          : result.reached > 0 ? "reached"
                                               : "not reached");
    }
    const std::lock_guard lock(mutex_);
    absl::FPrintF(out_, "%s\n", runner::TerminalText(text));
    std::fflush(out_);
  }

  const MutantsOptions& options_;
  const MutantPlan& plan_;
  const runner::Project& project_;
  ResultStore* store_;
  std::FILE* out_;
  std::map<std::string, fs::path> seeds_;  // by harness
  std::vector<Unit> units_;
  std::atomic<size_t> next_ = 0;
  std::atomic<bool> failed_flag_ = false;
  std::mutex mutex_;
  std::exception_ptr failed_;
};

std::string CommandOf(const MutantsOptions& options) {
  std::string text = "./resprobe mutants";
  for (const std::string& harness : options.harnesses) text += " --harness " + harness;
  for (const std::string& prefix : options.only) text += " --only " + prefix;
  text += " --time " + runner::TimeText(options.seconds);
  text += " --trials " + std::to_string(options.trials);
  if (!options.corpus.empty()) text += " --corpus " + options.corpus;
  if (options.seeds_only) text += " --seeds-only";
  if (options.random_bytes) text += " --random-bytes";
  for (const std::string& part : options.without) text += " --without " + part;
  return text + " --format markdown";
}

int RunMutants(const MutantsOptions& options) {
  const runner::Project project = runner::OpenProject("mutants");
  MutantPlan plan;
  plan.mutants = Select(ReadMutants(project.source), options);
  if (options.list) return List(plan.mutants);
  if (options.server.given()) {
    runner::SetLiveServerCommand(
        runner::CommandLine(options.server.start, options.server.arguments));
  }
  plan.sources = Sources(options);
  plan.without = absl::StrJoin(options.without, ",");
  plan.seconds = options.seconds;
  plan.trials = options.trials;
  plan.jobs = options.jobs;
  plan.cores = std::max(1u, std::thread::hardware_concurrency());
  std::set<std::string> harnesses;
  for (const mutants::Mutant& mutant : plan.mutants) {
    harnesses.insert(mutant.harnesses.begin(), mutant.harnesses.end());
  }
  const double start = runner::Now();
  std::FILE* const out = options.output.text_on_stdout() ? stdout : stderr;
  std::vector<std::string> skipped;  // with the reason
  constexpr size_t kDigits = 12;
  for (const std::string& name : harnesses) {
    const auto at = std::ranges::find(project.all, name, &runner::HarnessEntry::name);
    if (at == project.all.end()) {
      skipped.push_back(name + ": what it tests is not there");
    } else if (at->with_server() && !ServerExists()) {
      skipped.push_back(name + ": there is no " + runner::LiveServerCommand());
    } else {
      if (at->binary.empty()) {
        throw runner::UserError(name +
                                ": not built with faults yet: run ./resprobe build fuzz "
                                "mutants_" +
                                name);
      }
      plan.builds[name] = runner::Sha1(runner::ReadFile(at->binary)).substr(0, kDigits);
    }
  }
  ResultStore store(project.work / "mutants" / "results.jsonl", options.fresh);
  Bench bench(options, plan, project, &store, out);
  try {
    bench.Prepare();
    bench.Run();
  } catch (const runner::Interruption&) {
  }
  const MutantTable table = Tabulate(plan, store);
  const auto was_detected = [](const MutantRow& row) {
    return std::ranges::any_of(row.sources,
                               [](const auto& one) { return one.second.detected() > 0; });
  };
  int code = std::ranges::all_of(table.rows, was_detected) ? runner::kAllWell : runner::kFinding;
  if (runner::Interrupted()) code = runner::kInterrupted;
  if (options.output.format == "markdown") {
    options.output.WriteText(TableMarkdown(plan, table, CommandOf(options)));
  } else if (options.output.report()) {
    report::Report report = report::NewReport("mutants", runner::Now() - start);
    report.interrupted = runner::Interrupted();
    report.exit_code = code;
    report.own = TableJson(plan, table);
    for (const MutantRow& row : table.rows) {
      report::Result result = {.name = row.mutant.name};
      if (!was_detected(row)) {
        result.status = report::Status::kFailed;
        result.note = "not detected: " + row.mutant.breaks;
        result.command = "./resprobe mutants --only " + row.mutant.name;
      }
      report.results.push_back(std::move(result));
    }
    for (const std::string& line : skipped) {
      report.results.push_back({.name = line.substr(0, line.find(':')),
                                .status = report::Status::kSkipped,
                                .note = line});
    }
    report::Write(report, options.output);
  }
  std::fputs(TableText(plan, table).c_str(), out);
  for (const std::string& line : skipped) absl::FPrintF(out, "skipped: %s\n", line);
  std::fflush(out);
  return code;
}

}  // namespace

Verb MutantsVerb() {
  const auto options = std::make_shared<MutantsOptions>();
  options->jobs = std::max(1u, std::thread::hardware_concurrency());
  Verb verb("mutants", "how many planted faults the harnesses detect, and how soon");
  verb.details =
      "mutants/*.txt lists small faults of the core. Each is switched on in variants of the "
      "harnesses "
      "that its entry names, one after the other, until one detects it: from the seeds of the "
      "repository, from nothing, from generated cases alone, and from random bytes, unless one of "
      "these is chosen.\n"
      "Every trial is appended to work/mutants/results.jsonl. A run goes on from there, so Ctrl-C "
      "loses nothing; a harness that was built anew is measured anew. docs/mutants.md is the "
      "table.";
  verb.examples = {
      {"mutants --list", "lists the faults"},
      {"mutants --harness query_parser --time 10s --trials 1", "measures one harness"},
      {"mutants --only zset_ --corpus none --without swarm",
       "ablates the generator's swarm weights"},
      {"mutants --trials 10 --format markdown --output docs/mutants.md", "writes the table"}};
  verb.exit_codes =
      "0 every fault was detected from one of the sources, 1 some were not, 2 wrong use, 130 "
      "interrupted.";
  verb.Texts("--harness", "NAME", &options->harnesses, "Only in this harness")
      .Complete(Completion::kHarness);
  verb.Texts("--only", "PREFIX", &options->only, "Only faults whose names begin so");
  verb.Time("--time", &options->seconds, "For each trial: 30s, 5m").ShowDefault();
  verb.Number("--trials", "N", &options->trials, 1, 1000, "Trials of each fault").ShowDefault();
  verb.Choice("--corpus", {"committed", "none"}, &options->corpus,
              "Only fuzzing: from the seeds of the repository, or from nothing")
      .Excludes("--seeds-only")
      .Excludes("--random-bytes");
  verb.Flag("--seeds-only", &options->seeds_only, "Only generated cases, without an engine")
      .Excludes("--random-bytes");
  verb.Flag("--random-bytes", &options->random_bytes,
            "Only random bytes of the lengths of generated cases");
  verb.Texts("--without", "PART", &options->without,
             "Ablation: op-mutator (cases are mutated as bytes), coverage (the engine learns "
             "nothing), swarm (equal weights in every generated case)")
      .Offer({"op-mutator", "coverage", "swarm"})
      .Check([](const std::string& part) -> std::string {
        if (part == "op-mutator" || part == "coverage" || part == "swarm") return "";
        return "--without " + part + ": use one of op-mutator, coverage, swarm";
      });
  verb.Number("--jobs", "N", &options->jobs, 1, 1024,
              "Trials side by side; default: one for each core");
  verb.Flag("--fresh", &options->fresh, "Forget all earlier results");
  verb.Flag("--list", &options->list, "List the faults, and run nothing");
  options->server.AddTo(&verb, HarnessServerTraits());
  AddReportOptions(&verb, &options->output);
  for (Option& option : verb.options) {
    if (option.name == "--output") option.Short("-o");
  }
  verb.run = [=] {
    options->output.Check();
    std::ranges::sort(options->without);
    return RunMutants(*options);
  };
  return verb;
}

}  // namespace resprobe::cli
