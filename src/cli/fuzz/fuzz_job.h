#ifndef RESPROBE_CLI_FUZZ_FUZZ_JOB_H_
#define RESPROBE_CLI_FUZZ_FUZZ_JOB_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cli/server_options.h"
#include "engine/triage.h"
#include "findings/campaign.h"
#include "findings/process_runner.h"
#include "runner/process.h"
#include "runner/project.h"

namespace resprobe::cli {

inline constexpr double kPollSeconds = 0.2;
// Given to an engine that was told to stop.
inline constexpr double kGraceSeconds = 10;

struct FuzzOptions {
  std::vector<std::string> harnesses;
  double seconds = 30;  // for each harness
  unsigned jobs = 1;
  std::string engine = "libfuzzer";
  uint64_t seed = 0;  // 0: from the clock
  // Inputs to begin with: "" the seeds and what earlier runs have learnt, "none", or a folder.
  // Unless it is "", what this run learns is dropped at its end, so that runs can be compared.
  std::string corpus;
  findings::RunLimits limits;
  bool stop_on_failure = false;      // each process ends with its first failure
  std::vector<std::string> without;  // ablations (driver/ablations.h)
  ServerOptions server;              // of a live harness
  runner::OutputOptions output;
};

// The progress of fuzzing one harness.
struct Progress {
  uint64_t executions = 0;
  double per_second = 0;
  uint64_t edges = 0;
  uint64_t corpus = 0;
  std::string stability;  // AFL++ only
  double elapsed = 0;
  double first_failure = 0;  // the time at which an engine first reported one; 0: none
  std::string trouble;       // why the engine could not run; "" if it could
};

// libFuzzer as every campaign runs it, without its time and its folders. `artifacts` is the folder
// for what fails.
runner::Command LibFuzzerCommand(const runner::Project& project,
                                 const runner::HarnessEntry& harness,
                                 const findings::RunLimits& limits, uint64_t seed,
                                 const fs::path& artifacts);

// The files of `corpus` as a folder of tapes: the folder itself, unless it contains `.ops` text, or
// seeds in `without` (contents), which crash the harness; then a copy in work/seeds/. Empty if it
// has no files.
fs::path SeedFolder(const runner::Project& project, const runner::HarnessEntry& harness,
                    const fs::path& corpus, const std::vector<std::string>& without);

// Engines that fuzz one harness until its time is over. Each step lets them work for a moment.
class FuzzSearch : public findings::Search {
 public:
  // The arguments must outlive it.
  FuzzSearch(const runner::Project& project, const runner::HarnessEntry& harness,
             const FuzzOptions& options);

  const Progress& progress() const { return progress_; }
  // The seeds, and what engines have learnt so far.
  std::vector<fs::path> Inputs() const;
  // A line about what earlier runs have left; "" if there is nothing to say.
  virtual std::string Notice() const { return ""; }

  findings::CaseRunner& runner() override { return runner_; }
  std::string WhyNotAlone() const override {
    return runner::Interrupted() ? "interrupted before it was looked at"
                                 : "by itself it holds: what ran before it in the process matters "
                                   "(report.txt tells)";
  }
  // The table of `fuzz` shows this.
  std::string Line(const std::string& found, const findings::RunClock&) const override {
    return found;
  }

 protected:
  // Reports an engine's finding: a tape, and its process's stderr.
  void Found(const Met& met, const std::string& tape, const Signature& signature,
             const std::string& log, uint64_t seed) const;  // counts progress_.executions

  const runner::Project& project_;
  const runner::HarnessEntry& harness_;
  const FuzzOptions& options_;
  const runner::TempFolder temp_;
  const fs::path seeds_from_;  // a folder of seeds, which may be missing
  const fs::path learnt_;      // a folder for what engines learn
  Progress progress_;

 private:
  findings::ProcessRunner runner_;
};

std::unique_ptr<FuzzSearch> SearchWithLibFuzzer(const runner::Project& project,
                                                const runner::HarnessEntry& harness,
                                                const FuzzOptions& options);
std::unique_ptr<FuzzSearch> SearchWithAfl(const runner::Project& project,
                                          const runner::HarnessEntry& harness,
                                          const FuzzOptions& options);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_FUZZ_FUZZ_JOB_H_
