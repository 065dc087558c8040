#ifndef RESPROBE_FINDINGS_PROCESS_RUNNER_H_
#define RESPROBE_FINDINGS_PROCESS_RUNNER_H_

#include <memory>
#include <optional>
#include <string>

#include "findings/case_runner.h"

namespace resprobe::findings {

// Runs cases in processes of a harness binary: the runner of `fuzz` and, with other settings of the
// harness, of `io`.
class ProcessRunner : public CaseRunner {
 public:
  // `spec.server.start` is for a harness with a live server. Throws UserError if there is no such
  // harness.
  ProcessRunner(const runner::Project& project, RunSpec spec);

  const RunSpec& spec() const override { return spec_; }
  Json Versions() override;
  void Run(const std::vector<fs::path>& files, bool trace, bool twice, const Take& take) override;
  SmallCase Shrink(const fs::path& file, const ShrinkLimits& limits) override;
  std::string TextOf(const fs::path& file) override;
  std::string TapeOf(const fs::path& file) override;
  std::string WhySound() const override { return "does not fail in " + harness_.name; }
  std::string Summary(size_t cases, const std::map<std::string, size_t>& outcomes) const override;

  const runner::HarnessEntry& harness() const { return harness_; }
  // Requested once.
  const runner::HarnessInfo& info();

 private:
  CaseOutcome OutcomeOf(runner::CaseResult result);

  fs::path source_;
  RunSpec spec_;
  runner::HarnessEntry harness_;
  std::optional<runner::HarnessInfo> info_;
};

// The software under test, and how it was built.
Json VersionsOf(const fs::path& source, const runner::HarnessInfo& info);

// "resprobe" and "commit" of a Failure's versions.
Json OwnVersions(const fs::path& source);

}  // namespace resprobe::findings

#endif  // RESPROBE_FINDINGS_PROCESS_RUNNER_H_
