// Fuzzing with AFL++: afl-fuzz on the harness of the build preset afl; what it finds is looked at
// with libFuzzer's binary of the same harness.

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

constexpr double kPollSeconds = 0.2;
constexpr double kGraceSeconds = 10;

std::string Trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::map<std::string, std::string> ReadStats(const fs::path& file) {
  std::map<std::string, std::string> stats;
  std::error_code error;
  if (!fs::exists(file, error)) return stats;
  std::istringstream lines(ReadFile(file));
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

}  // namespace

Progress FuzzWithAfl(const Project& project, const HarnessEntry& harness,
                     const FuzzOptions& options, const OnProgress& on_progress,
                     const OnFinding& on_finding) {
  Progress progress;
  const fs::path folder = project.build / "afl" / "harnesses";
  const fs::path binary = folder / harness.name;
  std::error_code error;
  if (!fs::exists(binary, error)) {
    throw UserError(binary.string() + ": is missing: build it with ./resprobe build afl");
  }
  // AFL++ keeps its queue there, and takes it up again (AFL_AUTORESUME).
  const fs::path work = project.work / "afl" / harness.name;
  MakeFolder(work);
  MakeFolder(project.WorkCorpusOf(harness));
  TempFolder temp;
  fs::path seeds = SeedFolder(project, harness, {});
  if (seeds.empty()) {
    seeds = temp.path() / "seeds";
    MakeFolder(seeds);
    Generate(harness, "1", seeds / "seed-1");
  }
  const double start = Now();
  std::vector<std::unique_ptr<Process>> processes;
  std::vector<std::string> names;
  for (unsigned i = 0; i < options.jobs; ++i) {
    names.push_back("job" + std::to_string(i));
    Command command;
    command.argv = {"afl-fuzz",
                    "-V",
                    std::to_string(static_cast<int>(std::ceil(options.seconds))),
                    "-s",
                    std::to_string((options.seed + i) % 0x7FFFFFFF + 1),
                    "-m",
                    "none",
                    "-t",
                    std::to_string(options.limits.timeout_seconds * 1000),
                    "-i",
                    seeds,
                    "-o",
                    work,
                    i == 0 ? "-M" : "-S",
                    names.back()};
    if (const auto dictionary = project.DictionaryOf(harness)) {
      command.argv.insert(command.argv.end(), {"-x", *dictionary});
    }
    command.argv.insert(command.argv.end(), {"--", binary});
    // afl-fuzz sets the sanitizers' options that it needs, and refuses others.
    unsetenv("ASAN_OPTIONS");
    unsetenv("UBSAN_OPTIONS");
    command.environment = {{"AFL_NO_UI", "1"},
                           {"AFL_AUTORESUME", "1"},
                           {"AFL_SKIP_CPUFREQ", "1"},
                           {"AFL_TRY_AFFINITY", "1"},
                           {"AFL_FORKSRV_INIT_TMOUT", "30000"},
                           {"AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES", "1"},
                           {"AFL_CUSTOM_MUTATOR_LIBRARY", folder / (harness.name + "_mutator.so")}};
    processes.push_back(std::make_unique<Process>(command));
  }
  std::set<fs::path> seen;
  // Crashes that earlier runs left in the queue have been filed then.
  for (const std::string& name : names) {
    for (const char* kind : {"crashes", "hangs"}) {
      for (const fs::path& file : FilesIn(work / name / kind)) seen.insert(file);
    }
  }
  std::map<std::string, uint64_t> executions_before;
  for (const std::string& name : names) {
    executions_before[name] = Number(ReadStats(work / name / "fuzzer_stats"), "execs_done");
  }
  const auto report = [&] {
    progress.elapsed = Now() - start;
    progress.executions = 0;
    progress.corpus = 0;
    for (const std::string& name : names) {
      const auto stats = ReadStats(work / name / "fuzzer_stats");
      const uint64_t done = Number(stats, "execs_done");
      const uint64_t before = executions_before[name];
      progress.executions += done >= before ? done - before : done;
      progress.edges = std::max(progress.edges, Number(stats, "edges_found"));
      progress.corpus = std::max(progress.corpus, Number(stats, "corpus_count"));
      if (const auto at = stats.find("stability"); at != stats.end()) {
        progress.stability = at->second;
      }
    }
    progress.per_second = static_cast<double>(progress.executions) / progress.elapsed;
    on_progress(progress);
  };
  const auto take_crashes = [&] {
    for (const std::string& name : names) {
      for (const char* kind : {"crashes", "hangs"}) {
        for (const fs::path& file : FilesIn(work / name / kind)) {
          if (!file.filename().string().starts_with("id:") || !seen.insert(file).second) continue;
          RawFinding raw{file, "", {}, "afl", options.seed};
          // libFuzzer's runner brings the report, with its stack.
          Command replay;
          replay.argv = {harness.binary,
                         "-timeout=" + std::to_string(options.limits.timeout_seconds),
                         "-rss_limit_mb=" + std::to_string(options.limits.rss_mb),
                         "-artifact_prefix=" + temp.path().string() + "/", file};
          replay.environment = SanitizerEnvironment(true);
          try {
            const RunResult result = RunToEnd(replay);
            if (result.exit_code == 0) continue;  // a hang that was only a slow machine
            raw.report = result.err;
            raw.signature = SignatureOf(result);
          } catch (const Interruption&) {
            raw.signature = {"signal", "interrupted before it was looked at", {}};
          }
          if (TakeFinding(project, harness, raw, options.limits, &progress)) {
            on_finding(progress.findings.back());
          }
        }
      }
    }
  };
  double stopped = 0;
  std::string log;
  for (size_t running = processes.size(); running > 0;) {
    running = 0;
    if (Interrupted() && stopped == 0) {
      stopped = Now();
      for (const auto& process : processes) process->Signal(SIGINT);
    }
    for (const auto& process : processes) {
      if (process->Pump(kPollSeconds / static_cast<double>(processes.size()))) ++running;
      log += process->out + process->err;
      process->out.clear();
      process->err.clear();
      if (stopped != 0 && Now() > stopped + kGraceSeconds) process->Signal(SIGKILL);
    }
    if (log.size() > 65536) log.erase(0, log.size() - 65536);
    report();
    if (!Interrupted()) take_crashes();
  }
  take_crashes();
  report();
  for (const auto& process : processes) {
    if (process->exit_code() != 0 && stopped == 0) progress.trouble = "afl-fuzz: " + LastWords(log);
  }
  // What it learnt goes where libFuzzer looks for it too.
  for (const std::string& name : names) {
    for (const fs::path& file : FilesIn(work / name / "queue")) {
      const std::string content = ReadFile(file);
      const fs::path kept = project.WorkCorpusOf(harness) / Sha1(content);
      if (!fs::exists(kept, error)) WriteFile(kept, content);
    }
  }
  return progress;
}

}  // namespace resprobe::cli
