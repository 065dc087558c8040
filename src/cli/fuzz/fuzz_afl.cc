// Fuzzing with AFL++: runs afl-fuzz on the harness of the build preset afl, and examines its
// findings with libFuzzer's binary of the same harness.

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <sstream>

#include "cli/fuzz/fuzz_job.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

std::string Trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::map<std::string, std::string> ReadStats(const fs::path& file) {
  std::map<std::string, std::string> stats;
  std::error_code error;
  if (!fs::exists(file, error)) return stats;
  std::istringstream lines(runner::ReadFile(file));
  for (std::string line; std::getline(lines, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    stats[Trimmed(line.substr(0, colon))] = Trimmed(line.substr(colon + 1));
  }
  return stats;
}

uint64_t Number(const std::map<std::string, std::string>& stats, const char* key) {
  const auto at = stats.find(key);
  return at == stats.end() ? 0 : std::strtoull(at->second.c_str(), nullptr, 10);
}

std::string LastWords(const std::string& log) {
  std::istringstream lines(log);
  std::string last;
  for (std::string line; std::getline(lines, line);) {
    const size_t mark = line.find("PROGRAM ABORT");
    if (mark != std::string::npos) return line.substr(mark);
    if (!Trimmed(line).empty()) last = Trimmed(line);
  }
  return last;
}

class AflSearch : public FuzzSearch {
 public:
  AflSearch(const runner::Project& project, const runner::HarnessEntry& harness,
            const FuzzOptions& options)
      : FuzzSearch(project, harness, options),
        work_((options.corpus.empty() ? project.work : temp_.path()) / "afl" / harness.name) {
    const fs::path folder = project.build / "afl" / "harnesses";
    const fs::path binary = folder / harness.name;
    std::error_code error;
    if (!fs::exists(binary, error)) {
      throw runner::UserError(binary.string() + ": is missing: build it with ./resprobe build afl");
    }
    // AFL++ keeps its queue there, and resumes it (AFL_AUTORESUME).
    runner::MakeFolder(work_);
    fs::path seeds = SeedFolder(project, harness, seeds_from_, {});
    if (seeds.empty()) {
      seeds = temp_.path() / "seeds";
      runner::MakeFolder(seeds);
      Generate(harness, "1", seeds / "seed-1");
    }
    start_ = runner::Now();
    for (unsigned i = 0; i < options.jobs; ++i) Start(i, folder, seeds);
    // Crashes that earlier runs left in the queue were filed then.
    for (const std::string& name : names_) {
      for (const char* kind : {"crashes", "hangs"}) {
        for (const fs::path& file : runner::FilesIn(work_ / name / kind)) seen_.insert(file);
      }
      executions_before_[name] = Number(ReadStats(work_ / name / "fuzzer_stats"), "execs_done");
    }
  }

  bool Step(const Met& met) override {
    const bool running = Pump();
    Measure();
    if (!runner::Interrupted()) TakeCrashes(met);
    return running;
  }

  void Drain(const Met& met) override {
    const double stopped = runner::Now();
    bool asked = false;
    while (Pump()) {
      if (!asked) {
        for (const auto& process : processes_) process->Signal(SIGINT);
        asked = true;
      }
      if (runner::Now() > stopped + kGraceSeconds) {
        for (const auto& process : processes_) process->Signal(SIGKILL);
      }
    }
    TakeCrashes(met);
    Measure();
    for (const auto& process : processes_) {
      if (process->exit_code() != 0 && !asked && !runner::Interrupted()) {
        progress_.trouble = "afl-fuzz: " + LastWords(log_);
      }
    }
    // Copy new inputs to where libFuzzer looks for them too.
    std::error_code error;
    for (const std::string& name : names_) {
      for (const fs::path& file : runner::FilesIn(work_ / name / "queue")) {
        const std::string content = runner::ReadFile(file);
        const fs::path kept = learnt_ / runner::Sha1(content);
        if (!fs::exists(kept, error)) runner::WriteFile(kept, content);
      }
    }
  }

 private:
  void Start(unsigned i, const fs::path& folder, const fs::path& seeds) {
    names_.push_back("job" + std::to_string(i));
    runner::Command command;
    command.argv = {"afl-fuzz",
                    "-V",
                    std::to_string(static_cast<int>(std::ceil(options_.seconds))),
                    "-s",
                    std::to_string((options_.seed + i) % 0x7FFFFFFF + 1),
                    "-m",
                    "none",
                    "-t",
                    std::to_string(options_.limits.timeout_seconds * 1000),
                    "-i",
                    seeds,
                    "-o",
                    work_,
                    i == 0 ? "-M" : "-S",
                    names_.back()};
    if (const auto dictionary = project_.DictionaryOf(harness_)) {
      command.argv.insert(command.argv.end(), {"-x", *dictionary});
    }
    command.argv.insert(command.argv.end(), {"--", folder / harness_.name});
    // afl-fuzz sets the sanitizer options that it needs, and refuses others.
    unsetenv("ASAN_OPTIONS");
    unsetenv("UBSAN_OPTIONS");
    command.environment = {
        {"AFL_NO_UI", "1"},
        {"AFL_AUTORESUME", "1"},
        {"AFL_SKIP_CPUFREQ", "1"},
        {"AFL_TRY_AFFINITY", "1"},
        {"AFL_FORKSRV_INIT_TMOUT", "30000"},
        {"AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES", "1"},
        {"AFL_CUSTOM_MUTATOR_LIBRARY", folder / (harness_.name + "_mutator.so")}};
    processes_.push_back(std::make_unique<runner::Process>(command));
  }

  // True if any process is still running.
  bool Pump() {
    bool running = false;
    for (const auto& process : processes_) {
      running |= process->Pump(kPollSeconds / static_cast<double>(processes_.size()));
      log_ += process->out + process->err;
      process->out.clear();
      process->err.clear();
    }
    if (log_.size() > 65536) log_.erase(0, log_.size() - 65536);
    return running;
  }

  void Measure() {
    progress_.elapsed = runner::Now() - start_;
    progress_.executions = 0;
    progress_.corpus = 0;
    for (const std::string& name : names_) {
      const auto stats = ReadStats(work_ / name / "fuzzer_stats");
      const uint64_t done = Number(stats, "execs_done");
      const uint64_t before = executions_before_[name];
      progress_.executions += done >= before ? done - before : done;
      progress_.edges = std::max(progress_.edges, Number(stats, "edges_found"));
      progress_.corpus = std::max(progress_.corpus, Number(stats, "corpus_count"));
      if (const auto at = stats.find("stability"); at != stats.end()) {
        progress_.stability = at->second;
      }
    }
    progress_.per_second = static_cast<double>(progress_.executions) / progress_.elapsed;
  }

  void TakeCrashes(const Met& met) {
    for (const std::string& name : names_) {
      for (const char* kind : {"crashes", "hangs"}) {
        for (const fs::path& file : runner::FilesIn(work_ / name / kind)) {
          if (!file.filename().string().starts_with("id:") || !seen_.insert(file).second) continue;
          // libFuzzer's runner prints the report, with its stack.
          runner::Command replay;
          replay.argv = {harness_.binary,
                         "-timeout=" + std::to_string(options_.limits.timeout_seconds),
                         "-rss_limit_mb=" + std::to_string(options_.limits.rss_mb),
                         "-artifact_prefix=" + temp_.path().string() + "/", file};
          replay.environment = runner::SanitizerEnvironment(true);
          std::string report;
          Signature signature = {"signal", "interrupted before it was looked at", {}};
          try {
            const runner::RunResult result = RunToEnd(replay);
            if (result.exit_code == 0) continue;  // a hang caused only by a slow machine
            report = result.err;
            signature = SignatureOf(result);
          } catch (const runner::Interruption&) {
          }
          Found(met, runner::ReadFile(file), signature, report, options_.seed);
        }
      }
    }
  }

  fs::path work_;
  double start_ = 0;
  std::vector<std::unique_ptr<runner::Process>> processes_;
  std::vector<std::string> names_;
  std::set<fs::path> seen_;
  std::map<std::string, uint64_t> executions_before_;
  std::string log_;
};

}  // namespace

std::unique_ptr<FuzzSearch> SearchWithAfl(const runner::Project& project,
                                          const runner::HarnessEntry& harness,
                                          const FuzzOptions& options) {
  return std::make_unique<AflSearch>(project, harness, options);
}

}  // namespace resprobe::cli
