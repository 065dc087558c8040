#include "cli/fuzz/fuzz_job.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "runner/json.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

constexpr size_t kLogBytes = 1 << 20;
constexpr double kPollSeconds = 0.2;
constexpr double kGraceSeconds = 10;  // for an engine that was asked to end
constexpr int kFruitlessStarts = 3;

// A counter that the harness adds to (driver.cc), read here while it runs.
class Counter {
 public:
  explicit Counter(const fs::path& path) : path_(path) {
    const uint64_t zero = 0;
    WriteFile(path, std::string_view(reinterpret_cast<const char*>(&zero), sizeof(zero)));
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    void* at = fd < 0 ? MAP_FAILED : mmap(nullptr, sizeof(zero), PROT_READ, MAP_SHARED, fd, 0);
    if (fd >= 0) close(fd);
    if (at != MAP_FAILED) value_ = static_cast<volatile const uint64_t*>(at);
  }
  ~Counter() {
    if (value_ != nullptr) munmap(const_cast<uint64_t*>(value_), sizeof(uint64_t));
  }
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;
  uint64_t value() const { return value_ == nullptr ? 0 : *value_; }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  volatile const uint64_t* value_ = nullptr;
};

// The number after `key` in a line of libFuzzer, else `otherwise`.
uint64_t NumberAfter(std::string_view line, std::string_view key, uint64_t otherwise) {
  const size_t at = line.find(key);
  if (at == std::string_view::npos) return otherwise;
  return std::strtoull(std::string(line.substr(at + key.size(), 24)).c_str(), nullptr, 10);
}

// One libFuzzer process after the other, with its own seeds, in the common corpus.
class Job {
 public:
  Job(const Project& project, const HarnessEntry& harness, const FuzzOptions& options,
      unsigned index, const fs::path& temp)
      : project_(project),
        harness_(harness),
        options_(options),
        artifacts_(temp / ("job" + std::to_string(index))),
        counter_(temp / ("count" + std::to_string(index))) {
    MakeFolder(artifacts_);
  }

  void Start(const fs::path& seeds, uint64_t seed, double seconds) {
    seed_ = seed;
    log_.clear();
    initialized_ = false;
    Command command;
    command.argv = {harness_.binary, "-artifact_prefix=" + artifacts_.string() + "/",
                    "-seed=" + std::to_string(seed % 0xFFFFFFFF + 1),
                    "-max_total_time=" + std::to_string(static_cast<int>(std::ceil(seconds))),
                    "-timeout=" + std::to_string(options_.limits.timeout_seconds),
                    "-rss_limit_mb=" + std::to_string(options_.limits.rss_mb), "-reload=1",
                    // A case of ops that is cut to a few bytes is none.
                    "-len_control=0", "-print_funcs=0"};
    if (const auto dictionary = project_.DictionaryOf(harness_)) {
      command.argv.push_back("-dict=" + dictionary->string());
    }
    command.argv.push_back(project_.WorkCorpusOf(harness_));
    if (!seeds.empty()) command.argv.push_back(seeds);
    command.environment = SanitizerEnvironment(true);
    command.environment.emplace_back("RESPROBE_PROGRESS", counter_.path());
    // What a live harness's server leaves behind, when the engine ends in a hurry, goes with us.
    if (harness_.live) command.environment.emplace_back("TMPDIR", artifacts_.parent_path());
    process_ = std::make_unique<Process>(command);
  }

  bool Pump(double seconds) {
    const bool running = process_->Pump(seconds);
    TakeLines(&process_->err, [&](std::string_view line) {
      if (line.starts_with('#')) {
        edges_ = std::max(edges_, NumberAfter(line, " cov: ", edges_));
        if (line.find("INITED") != std::string_view::npos) initialized_ = true;
      }
      log_ += line;
      log_ += '\n';
    });
    if (log_.size() > 2 * kLogBytes) log_.erase(0, log_.size() - kLogBytes);
    process_->out.clear();
    return running;
  }

  // The inputs that libFuzzer left behind, oldest first; the failure is one of them at most.
  std::vector<fs::path> Artifacts() const {
    std::vector<fs::path> found;
    for (const fs::path& file : FilesIn(artifacts_)) {
      const std::string name = file.filename();
      // slow-unit-… is a warning.
      for (const char* prefix : {"crash-", "leak-", "timeout-", "oom-"}) {
        if (name.starts_with(prefix)) found.push_back(file);
      }
    }
    return found;
  }

  Process& process() { return *process_; }
  const std::string& log() const { return log_; }
  uint64_t seed() const { return seed_; }
  uint64_t edges() const { return edges_; }
  uint64_t executions() const { return counter_.value(); }
  bool initialized() const { return initialized_; }
  bool done = false;
  int fruitless = 0;

 private:
  const Project& project_;
  const HarnessEntry& harness_;
  const FuzzOptions& options_;
  fs::path artifacts_;
  Counter counter_;
  std::unique_ptr<Process> process_;
  std::string log_;
  uint64_t seed_ = 0;
  uint64_t edges_ = 0;
  bool initialized_ = false;
};

std::string LastLine(std::string_view log) {
  while (log.ends_with('\n')) log.remove_suffix(1);
  return std::string(log.substr(log.rfind('\n') + 1));
}

// Removes the corpus entries of earlier runs with that content.
void ForgetLearnt(const fs::path& folder, const std::string& content) {
  std::error_code error;
  for (const fs::path& file : FilesIn(folder)) {
    if (fs::file_size(file, error) == content.size() && ReadFile(file) == content) {
      fs::remove(file, error);
    }
  }
}

}  // namespace

fs::path SeedFolder(const Project& project, const HarnessEntry& harness,
                    const std::vector<std::string>& without) {
  fs::path corpus = project.CorpusOf(harness);
  const std::vector<fs::path> files = FilesIn(corpus);
  if (files.empty()) return {};
  const bool text = std::any_of(files.begin(), files.end(),
                                [](const fs::path& file) { return file.extension() == ".ops"; });
  if (!text && without.empty()) return corpus;
  const fs::path folder = project.work / "seeds" / harness.name;
  std::error_code error;
  fs::remove_all(folder, error);
  MakeFolder(folder);
  for (const fs::path& file : files) {
    const fs::path tape = folder / (file.extension() == ".ops" ? file.stem() : file.filename());
    if (file.extension() == ".ops") {
      ParseOps(harness, file, tape);
    } else {
      fs::copy_file(file, tape, fs::copy_options::overwrite_existing, error);
    }
    if (std::find(without.begin(), without.end(), ReadFile(tape)) != without.end()) {
      fs::remove(tape, error);
    }
  }
  return folder;
}

namespace {

bool FailsStill(const HarnessEntry& harness, const fs::path& file, const std::string& signature,
                const FindingLimits& limits) {
  RunOptions options;
  options.limits = {static_cast<double>(limits.timeout_seconds), limits.rss_mb};
  bool fails = false;
  try {
    RunCases(harness, {file}, options,
             [&](const CaseResult& result) { fails = result.signature == signature; });
  } catch (const UserError&) {  // the case is gone
  }
  return fails;
}

// Renames a finding's folder to FOLDER-mended, or FOLDER-mended-2 and so on.
void SetAside(const fs::path& folder) {
  fs::path aside = folder.string() + "-mended";
  std::error_code error;
  for (int i = 2; fs::exists(aside, error); ++i) {
    aside = folder.string() + "-mended-" + std::to_string(i);
  }
  fs::rename(folder, aside, error);
  if (error) throw UserError(folder.string() + ": cannot be renamed: " + error.message());
}

}  // namespace

bool TakeFinding(const Project& project, const HarnessEntry& harness, const RawFinding& raw,
                 const FindingLimits& limits, Progress* progress) {
  const std::string signature = raw.signature.Text();
  for (Finding& finding : progress->findings) {
    if (finding.signature == signature) {
      ++finding.repeats;
      return false;
    }
  }
  const fs::path folder = FolderOf(project, harness, raw.signature);
  std::error_code error;
  if (fs::exists(folder / "report.json", error)) {
    Finding finding;
    finding.signature = signature;
    finding.folder = folder;
    finding.known = true;
    finding.report = Json::parse(ReadFile(folder / "report.json"), nullptr, false);
    // What an interrupted run left unminimized is done now. And a case that passes by now was
    // mended: what fails the same way today is another fault.
    if (!finding.report.is_discarded() && !finding.report.contains("interrupted")) {
      if (FailsStill(harness, folder / "case", signature, limits)) {
        progress->findings.push_back(std::move(finding));
        return true;
      }
      SetAside(folder);
    }
  }
  progress->findings.push_back(FileFinding(project, harness, raw, limits));
  return true;
}

Progress FuzzWithLibFuzzer(const Project& project, const HarnessEntry& harness,
                           const FuzzOptions& options, const OnProgress& on_progress,
                           const OnFinding& on_finding) {
  Progress progress;
  MakeFolder(project.WorkCorpusOf(harness));
  std::vector<std::string> crashing_seeds;
  fs::path seeds = SeedFolder(project, harness, crashing_seeds);
  TempFolder temp;
  std::vector<std::unique_ptr<Job>> jobs;
  uint64_t next_seed = options.seed;
  const double start = Now();
  const double deadline = start + options.seconds;
  for (unsigned i = 0; i < options.jobs; ++i) {
    jobs.push_back(std::make_unique<Job>(project, harness, options, i, temp.path()));
    jobs.back()->Start(seeds, next_seed++, options.seconds);
  }
  const auto report = [&] {
    progress.elapsed = Now() - start;
    progress.executions = 0;
    for (const auto& job : jobs) {
      progress.executions += job->executions();
      progress.edges = std::max(progress.edges, job->edges());
    }
    progress.per_second = static_cast<double>(progress.executions) / progress.elapsed;
    progress.corpus = FilesIn(project.WorkCorpusOf(harness)).size();
    on_progress(progress);
  };
  bool stopping = false;
  double stopped = 0;
  for (size_t running = jobs.size(); running > 0;) {
    const bool over = Interrupted() || Now() >= deadline;
    if (over && !stopping) {
      stopping = true;
      stopped = Now();
      for (const auto& job : jobs) {
        if (!job->done) job->process().Signal(SIGINT);  // libFuzzer ends and says nothing is wrong
      }
    }
    if (stopping && Now() > stopped + kGraceSeconds) {
      for (const auto& job : jobs) job->process().Signal(SIGKILL);
    }
    for (const auto& job : jobs) {
      if (job->done || job->Pump(kPollSeconds / static_cast<double>(running))) continue;
      bool found = false;
      for (const fs::path& artifact : job->Artifacts()) {
        RawFinding raw{artifact, job->log(), ReadSignature(job->log()), "libfuzzer", job->seed()};
        if (raw.signature.empty()) raw.signature = {"signal", "", {}};
        const std::string content = ReadFile(artifact);
        if (TakeFinding(project, harness, raw, options.limits, &progress)) {
          on_finding(progress.findings.back());
        }
        if (!job->initialized()) {
          // A seed fails: without it, or every start would end here.
          crashing_seeds.push_back(content);
          ForgetLearnt(project.WorkCorpusOf(harness), content);
          seeds = SeedFolder(project, harness, crashing_seeds);
        }
        std::error_code error;
        fs::remove(artifact, error);
        found = true;
      }
      job->fruitless = found ? 0 : job->fruitless + 1;
      const double left = deadline - Now();
      if (stopping || Interrupted() || left < 1) {
        job->done = true;
        --running;
      } else if (job->fruitless >= kFruitlessStarts) {
        const int signal = job->process().signal();
        progress.trouble = signal != 0
                               ? "libFuzzer was killed by signal " + std::to_string(signal) +
                                     (signal == SIGKILL ? " (out of memory?)" : "")
                               : "libFuzzer ends at once: " + LastLine(job->log());
        job->done = true;
        --running;
      } else {
        job->Start(seeds, next_seed++, left);
      }
    }
    report();
  }
  report();
  return progress;
}

}  // namespace resprobe::cli
