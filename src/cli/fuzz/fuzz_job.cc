#include "cli/fuzz/fuzz_job.h"

#include <absl/strings/escaping.h>
#include <absl/strings/str_join.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "runner/json.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

constexpr size_t kLogBytes = 1 << 20;
// For one that is reporting a failure: symbolizing its stack may take this long.
constexpr double kReportSeconds = 60;
constexpr int kFruitlessStarts = 3;
constexpr std::string_view kReportMarks[] = {"== resprobe: violation of ",
                                             "ERROR: ", ": runtime error: "};

// An invariant that was broken so often is stepped over from then on: each failure ends a process
// of the engine, and the next one needs a second to read its corpus.
constexpr uint64_t kEasyAfter = 2;
constexpr size_t kMostEasy = 31;

// What the harness counts (driver/progress.h), read here while it runs.
class Counters {
 public:
  explicit Counters(const fs::path& path) : path_(path) {
    runner::WriteFile(path, std::string(kBytes, '\0'));
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    void* at = fd < 0 ? MAP_FAILED : mmap(nullptr, kBytes, PROT_READ, MAP_SHARED, fd, 0);
    if (fd >= 0) close(fd);
    if (at != MAP_FAILED) values_ = static_cast<volatile const uint64_t*>(at);
  }
  ~Counters() {
    if (values_ != nullptr) munmap(const_cast<uint64_t*>(values_), kBytes);
  }
  Counters(const Counters&) = delete;
  Counters& operator=(const Counters&) = delete;
  uint64_t executions() const { return Value(0); }
  // Of the invariant at this place of the list.
  uint64_t stepped_over(size_t place) const { return Value(1 + place); }
  const fs::path& path() const { return path_; }

 private:
  static constexpr size_t kBytes = (1 + kMostEasy) * sizeof(uint64_t);
  uint64_t Value(size_t at) const { return values_ == nullptr ? 0 : values_[at]; }

  fs::path path_;
  volatile const uint64_t* values_ = nullptr;
};

// The number after `key` in a line of libFuzzer, otherwise `otherwise`.
uint64_t NumberAfter(std::string_view line, std::string_view key, uint64_t otherwise) {
  const size_t at = line.find(key);
  if (at == std::string_view::npos) return otherwise;
  return std::strtoull(std::string(line.substr(at + key.size(), 24)).c_str(), nullptr, 10);
}

// True for the first line of a report of a failure.
bool BeginsReport(std::string_view line) {
  return std::ranges::any_of(kReportMarks, [&](std::string_view mark) {
    return line.find(mark) != std::string_view::npos;
  });
}

// Runs one libFuzzer process after the other, each with its own seeds, on the common corpus.
class Job {
 public:
  Job(const runner::Project& project, const runner::HarnessEntry& harness,
      const FuzzOptions& options, const fs::path& learnt, unsigned index, const fs::path& temp)
      : project_(project),
        harness_(harness),
        options_(options),
        learnt_(learnt),
        artifacts_(temp / ("job" + std::to_string(index))),
        counters_(temp / ("count" + std::to_string(index))) {
    runner::MakeFolder(artifacts_);
  }

  // `easy`: the invariants to step over.
  void Start(const fs::path& seeds, uint64_t seed, double seconds,
             const std::vector<std::string>& easy) {
    seed_ = seed;
    log_.clear();
    initialized_ = false;
    runner::Command command =
        LibFuzzerCommand(project_, harness_, options_.limits, seed, artifacts_);
    command.argv.push_back("-max_total_time=" +
                           std::to_string(static_cast<int>(std::ceil(seconds))));
    command.environment.emplace_back("RESPROBE_PROGRESS", counters_.path());
    if (!easy.empty()) {
      command.environment.emplace_back("RESPROBE_STEP_OVER", absl::StrJoin(easy, ","));
    }
    if (!options_.without.empty()) {
      command.environment.emplace_back("RESPROBE_WITHOUT", absl::StrJoin(options_.without, ","));
      // libFuzzer does not see that a seed reaches anything.
      if (std::ranges::find(options_.without, "coverage") != options_.without.end()) {
        command.argv.emplace_back("-keep_seed=1");
      }
    }
    command.argv.push_back(learnt_);
    if (!seeds.empty()) command.argv.push_back(seeds);
    // If the engine is killed, this folder also holds what a live harness's server leaves.
    if (harness_.live) command.environment.emplace_back("TMPDIR", artifacts_.parent_path());
    process_ = std::make_unique<runner::Process>(command);
  }

  bool Pump(double seconds) {
    const bool running = process_->Pump(seconds);
    runner::TakeLines(&process_->err, [&](std::string_view line) {
      if (line.starts_with('#')) {
        edges_ = std::max(edges_, NumberAfter(line, " cov: ", edges_));
        if (line.find("INITED") != std::string_view::npos) initialized_ = true;
      } else if (reported_at_ == 0 && BeginsReport(line)) {
        reported_at_ = runner::Now();
      }
      log_ += line;
      log_ += '\n';
    });
    if (log_.size() > 2 * kLogBytes) log_.erase(0, log_.size() - kLogBytes);
    process_->out.clear();
    return running;
  }

  // The inputs that libFuzzer left, oldest first; at most one of them is the failure.
  std::vector<fs::path> Artifacts() const {
    std::vector<fs::path> found;
    for (const fs::path& file : runner::FilesIn(artifacts_)) {
      const std::string name = file.filename();
      // slow-unit-… is a warning.
      for (const char* prefix : {"crash-", "leak-", "timeout-", "oom-"}) {
        if (name.starts_with(prefix)) found.push_back(file);
      }
    }
    return found;
  }

  runner::Process& process() { return *process_; }
  const std::string& log() const { return log_; }
  uint64_t seed() const { return seed_; }
  uint64_t edges() const { return edges_; }
  uint64_t executions() const { return counters_.executions(); }
  // How often it has stepped over the invariant at this place of the list since the last question.
  uint64_t TakeSteppedOver(size_t place) {
    const uint64_t all = counters_.stepped_over(place);
    return all - std::exchange(told_[place], all);
  }
  bool initialized() const { return initialized_; }
  // When it first reported a failure; 0: not yet.
  double reported_at() const { return reported_at_; }
  // True if it has reported a failure, whose artifact may not be written yet.
  bool reporting() const { return !ReadSignature(log_).empty(); }
  bool done = false;
  int fruitless = 0;

 private:
  const runner::Project& project_;
  const runner::HarnessEntry& harness_;
  const FuzzOptions& options_;
  fs::path learnt_;
  fs::path artifacts_;
  Counters counters_;
  std::array<uint64_t, kMostEasy> told_ = {};
  std::unique_ptr<runner::Process> process_;
  std::string log_;
  uint64_t seed_ = 0;
  uint64_t edges_ = 0;
  double reported_at_ = 0;
  bool initialized_ = false;
};

std::string LastLine(std::string_view log) {
  while (log.ends_with('\n')) log.remove_suffix(1);
  return std::string(log.substr(log.rfind('\n') + 1));
}

// Removes corpus entries of earlier runs that have this content.
void ForgetLearnt(const fs::path& folder, const std::string& content) {
  std::error_code error;
  for (const fs::path& file : runner::FilesIn(folder)) {
    if (fs::file_size(file, error) == content.size() && runner::ReadFile(file) == content) {
      fs::remove(file, error);
    }
  }
}

// True if the name ends with the SHA-1 of the content, as libFuzzer names files. True also for
// other names.
bool IsWhole(const fs::path& file, const std::string& content) {
  const std::string name = file.filename();
  const std::string hash = name.substr(name.rfind('-') + 1);
  const bool hashed = hash.size() == 40 && hash.find_first_not_of("0123456789abcdef") == hash.npos;
  return !hashed || hash == runner::Sha1(content);
}

// libFuzzer does not write its corpus atomically: where the disk is full, or where it is killed, it
// leaves empty files and beginnings of files. Deletes them and returns their number.
size_t DeleteTorn(const fs::path& corpus) {
  size_t torn = 0;
  std::error_code error;
  for (const fs::path& file : runner::FilesIn(corpus)) {
    if (!IsWhole(file, runner::ReadFile(file)) && fs::remove(file, error)) ++torn;
  }
  return torn;
}

// The failing input that the engine has left. On a full disk the file may be incomplete; the report
// repeats a short input. Throws UserError if it is lost.
std::string ReadArtifact(const fs::path& artifact, const std::string& log) {
  std::string content = runner::ReadFile(artifact);
  if (IsWhole(artifact, content)) return content;
  constexpr std::string_view kRepeated = "Base64: ";
  if (const size_t at = log.rfind(kRepeated); at != log.npos) {
    const size_t start = at + kRepeated.size();
    std::string repeated;
    if (absl::Base64Unescape(log.substr(start, log.find('\n', start) - start), &repeated) &&
        IsWhole(artifact, repeated)) {
      return repeated;
    }
  }
  throw runner::UserError(artifact.parent_path().string() +
                          ": the input of a failure could not be written whole: make room for "
                          "temporary files (TMPDIR)");
}

}  // namespace

runner::Command LibFuzzerCommand(const runner::Project& project,
                                 const runner::HarnessEntry& harness,
                                 const findings::RunLimits& limits, uint64_t seed,
                                 const fs::path& artifacts) {
  runner::Command command;
  command.argv = {harness.binary, "-artifact_prefix=" + artifacts.string() + "/",
                  "-seed=" + std::to_string(seed % 0xFFFFFFFF + 1),
                  "-timeout=" + std::to_string(limits.timeout_seconds),
                  "-rss_limit_mb=" + std::to_string(limits.rss_mb), "-reload=1", "-print_funcs=0",
                  // A case of ops that is cut to a few bytes is useless.
                  "-len_control=0",
                  // An input is kept for an edge that is new, and not for one that is executed more
                  // often than ever. Else several times as many inputs are kept, longer ones, and
                  // half of the time goes into counting rare features and writing files.
                  "-use_counters=0"};
  if (const auto dictionary = project.DictionaryOf(harness)) {
    command.argv.push_back("-dict=" + dictionary->string());
  }
  command.environment = runner::SanitizerEnvironment(true);
  command.environment.insert(command.environment.end(), harness.environment.begin(),
                             harness.environment.end());
  return command;
}

fs::path SeedFolder(const runner::Project& project, const runner::HarnessEntry& harness,
                    const fs::path& corpus, const std::vector<std::string>& without) {
  const std::vector<fs::path> files = runner::FilesIn(corpus);
  if (files.empty()) return {};
  const bool text = std::any_of(files.begin(), files.end(),
                                [](const fs::path& file) { return file.extension() == ".ops"; });
  if (!text && without.empty()) return corpus;
  const fs::path folder = project.work / "seeds" / harness.name;
  std::error_code error;
  fs::remove_all(folder, error);
  runner::MakeFolder(folder);
  for (const fs::path& file : files) {
    const fs::path tape = folder / (file.extension() == ".ops" ? file.stem() : file.filename());
    if (file.extension() == ".ops") {
      ParseOps(harness, file, tape);
    } else {
      runner::WriteFile(tape, runner::ReadFile(file));
    }
    if (std::find(without.begin(), without.end(), runner::ReadFile(tape)) != without.end()) {
      fs::remove(tape, error);
    }
  }
  return folder;
}

namespace {

// The report in a long log of an engine: from the first line about a failure on.
std::string ReportOnly(const std::string& log) {
  size_t start = std::string::npos;
  for (const std::string_view mark : kReportMarks) start = std::min(start, log.find(mark));
  if (start == std::string::npos) return log;
  const size_t line = log.rfind('\n', start);
  return log.substr(line == std::string::npos ? 0 : line + 1);
}

class LibFuzzerSearch : public FuzzSearch {
 public:
  LibFuzzerSearch(const runner::Project& project, const runner::HarnessEntry& harness,
                  const FuzzOptions& options)
      : FuzzSearch(project, harness, options),
        next_seed_(options.seed),
        start_(runner::Now()),
        deadline_(start_ + options.seconds) {
    torn_before_ = DeleteTorn(learnt_);
    seeds_ = SeedFolder(project, harness, seeds_from_, crashing_seeds_);
    for (unsigned i = 0; i < options.jobs; ++i) {
      jobs_.push_back(std::make_unique<Job>(project, harness, options, learnt_, i, temp_.path()));
      jobs_.back()->Start(seeds_, next_seed_++, options.seconds, easy_);
    }
    running_ = jobs_.size();
  }

  bool Step(const Met& met) override {
    if (runner::Now() >= deadline_) return false;
    for (const auto& job : jobs_) {
      if (job->done || job->Pump(kPollSeconds / static_cast<double>(running_))) continue;
      const bool found = TakeArtifacts(*job, met);
      job->fruitless = found ? 0 : job->fruitless + 1;
      const double left = deadline_ - runner::Now();
      if (runner::Interrupted() || left < 1 || (found && options_.stop_on_failure)) {
        End(*job);
      } else if (job->fruitless >= kFruitlessStarts) {
        const int signal = job->process().signal();
        progress_.trouble = signal != 0
                                ? "libFuzzer was killed by signal " + std::to_string(signal) +
                                      (signal == SIGKILL ? " (out of memory?)" : "")
                                : "libFuzzer ends at once: " + LastLine(job->log());
        End(*job);
      } else {
        job->Start(seeds_, next_seed_++, left, easy_);
      }
    }
    Measure();
    return running_ > 0 && HasRoom();
  }

  void Drain(const Met& met) override {
    const double stopped = runner::Now();
    // On SIGINT libFuzzer exits without writing a failure. One that is reporting a failure ends by
    // itself.
    for (const auto& job : jobs_) {
      if (job->done) continue;
      job->Pump(0);
      if (!job->reporting()) job->process().Signal(SIGINT);
    }
    while (running_ > 0) {
      for (const auto& job : jobs_) {
        if (job->done) continue;
        const double grace = job->reporting() ? kReportSeconds : kGraceSeconds;
        if (runner::Now() > stopped + grace) job->process().Signal(SIGKILL);
        if (job->Pump(kPollSeconds / static_cast<double>(running_))) continue;
        TakeArtifacts(*job, met);
        End(*job);
      }
    }
    // SIGINT may interrupt each process while it writes one input, which is no loss worth a word.
    next_look_ = 0;
    const size_t torn = DeleteTorn(learnt_);
    if (torn > 0 && (!HasRoom() || torn > jobs_.size())) {
      if (progress_.trouble.empty()) progress_.trouble = learnt_.string();
      progress_.trouble += ": " + findings::Plural(torn, "input") +
                           " that it learnt could not be written whole: make room";
    }
    Measure();
  }

  std::map<std::string, uint64_t> SteppedOver() override {
    std::map<std::string, uint64_t> times;
    for (size_t place = 0; place < easy_.size(); ++place) {
      for (const auto& job : jobs_) {
        const uint64_t more = job->TakeSteppedOver(place);
        if (more > 0) times[Signature{"violation", easy_[place], {}}.Text()] += more;
      }
    }
    return times;
  }

  std::string Notice() const override {
    if (torn_before_ == 0) return "";
    return project_.Shown(learnt_) + ": deleted " + findings::Plural(torn_before_, "file") +
           " that an earlier run did not write whole\n";
  }

 private:
  void End(Job& job) {
    job.done = true;
    --running_;
  }

  // libFuzzer does not notice that it cannot write its corpus.
  bool HasRoom() {
    if (runner::Now() < next_look_) return true;
    next_look_ = runner::Now() + 1;
    const fs::path probe = learnt_.parent_path() / ".room";
    try {
      runner::WriteFile(probe, "x");
      std::error_code error;
      fs::remove(probe, error);
      return true;
    } catch (const runner::UserError& error) {
      progress_.trouble = error.what();
      progress_.trouble.replace(0, probe.string().size(), probe.parent_path().string());
      return false;
    }
  }

  // Returns whether there were any.
  bool TakeArtifacts(Job& job, const Met& met) {
    bool found = false;
    for (const fs::path& artifact : job.Artifacts()) {
      Signature signature = ReadSignature(job.log());
      if (signature.empty()) signature = {"signal", "", {}};
      const std::string content = ReadArtifact(artifact, job.log());
      Measure();
      if (signature.kind == "violation" && ++broken_[signature.detail] == kEasyAfter &&
          easy_.size() < kMostEasy) {
        easy_.push_back(signature.detail);
      }
      FuzzSearch::Found(met, content, signature, job.log(), job.seed());
      if (!job.initialized()) {
        // A seed fails: remove it, since otherwise every start would end here.
        crashing_seeds_.push_back(content);
        ForgetLearnt(learnt_, content);
        seeds_ = SeedFolder(project_, harness_, seeds_from_, crashing_seeds_);
      }
      std::error_code error;
      fs::remove(artifact, error);
      found = true;
    }
    return found;
  }

  void Measure() {
    progress_.elapsed = runner::Now() - start_;
    progress_.executions = 0;
    for (const auto& job : jobs_) {
      progress_.executions += job->executions();
      progress_.edges = std::max(progress_.edges, job->edges());
      if (job->reported_at() > 0 && progress_.first_failure == 0) {
        progress_.first_failure = job->reported_at() - start_;
      }
    }
    progress_.per_second = static_cast<double>(progress_.executions) / progress_.elapsed;
    progress_.corpus = runner::FilesIn(learnt_).size();
  }

  std::vector<std::string> crashing_seeds_;
  std::map<std::string, uint64_t> broken_;  // how often each invariant was, by processes that ended
  std::vector<std::string> easy_;           // those that are stepped over
  fs::path seeds_;
  uint64_t next_seed_;
  double start_;
  double deadline_;
  double next_look_ = 0;
  size_t torn_before_ = 0;
  std::vector<std::unique_ptr<Job>> jobs_;
  size_t running_ = 0;
};

findings::RunSpec SpecOf(const runner::HarnessEntry& harness, const FuzzOptions& options) {
  findings::RunSpec spec;
  spec.harness = harness.name;
  spec.limits = options.limits;
  return spec;
}

}  // namespace

FuzzSearch::FuzzSearch(const runner::Project& project, const runner::HarnessEntry& harness,
                       const FuzzOptions& options)
    : project_(project),
      harness_(harness),
      options_(options),
      seeds_from_(options.corpus.empty()     ? project.CorpusOf(harness)
                  : options.corpus == "none" ? temp_.path() / "no-seeds"
                                             : fs::path(options.corpus)),
      learnt_(options.corpus.empty() ? project.WorkCorpusOf(harness) : temp_.path() / "learnt"),
      runner_(project, SpecOf(harness, options)) {
  runner::MakeFolder(learnt_);
}

std::vector<fs::path> FuzzSearch::Inputs() const {
  std::vector<fs::path> inputs = runner::FilesIn(seeds_from_);
  const std::vector<fs::path> learnt = runner::FilesIn(learnt_);
  inputs.insert(inputs.end(), learnt.begin(), learnt.end());
  return inputs;
}

void FuzzSearch::Found(const Met& met, const std::string& tape, const Signature& signature,
                       const std::string& log, uint64_t seed) const {
  findings::MetCase one;
  one.tape = tape;
  one.engine = options_.engine;
  one.seed = seed;
  one.executions = progress_.executions;
  one.from = options_.engine + ", seed " + std::to_string(seed);
  findings::CaseOutcome& outcome = one.outcome;
  outcome.word = signature.kind == "violation" ? "violation" : "crash";
  outcome.what.signature = runner::JsonText(signature.Text());
  outcome.what.kind = signature.kind;
  if (signature.kind == "violation") outcome.what.invariant = signature.detail;
  outcome.what.frames = signature.frames;
  const std::string report = ReportOnly(log);
  std::string stack = ReadStack(report);
  if (stack.empty()) stack = "no stack: " + outcome.what.signature + "\n";
  outcome.files = {
      {"report.txt", report.empty() ? "the engine said nothing\n" : report},
      {"stack.txt", stack},
      {"trace.txt", "The run ended before its trace could be told (see stack.txt).\n"}};
  met(std::move(one));
}

std::unique_ptr<FuzzSearch> SearchWithLibFuzzer(const runner::Project& project,
                                                const runner::HarnessEntry& harness,
                                                const FuzzOptions& options) {
  return std::make_unique<LibFuzzerSearch>(project, harness, options);
}

}  // namespace resprobe::cli
