#ifndef RESPROBE_CLI_SIMULATE_LIFE_RUNNER_H_
#define RESPROBE_CLI_SIMULATE_LIFE_RUNNER_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/simulate/life_judge.h"
#include "findings/case_runner.h"
#include "live/history/live_life.h"
#include "runner/project.h"
#include "worlds/lives/sim_life.h"

namespace resprobe::cli {

// The planted faults of the simulated server, as --plant and the option "plant" name them.
inline constexpr const char* kLifePlants[] = {"no-fsync", "stale-read"};

// Histories (life_judge.h) and the lives that they are of: on the server of the RunSpec, or, if it
// names none, in the simulated system.
//
// A case is run by living its life again: the same clients ask the same in the same order, each for
// itself. How they interleave on a live server is a matter of chance, so a case passes only if none
// of kAttempts lives fails. What the kept history says does not change; the text of the outcome
// repeats it. To shrink a case is to find the shortest part of its history that is a violation.
class LifeCaseRunner : public findings::CaseRunner {
 public:
  static constexpr int kAttempts = 10;

  // The server is opened when it is needed: what a kept history says can be judged without it.
  LifeCaseRunner(const runner::Project& project, const findings::RunSpec& spec);

  const findings::RunSpec& spec() const override { return spec_; }
  Json Versions() override;
  void Run(const std::vector<fs::path>& files, bool trace, bool twice, const Take& take) override;
  findings::SmallCase Shrink(const fs::path& file, const findings::ShrinkLimits& limits) override;
  std::string TextOf(const fs::path& file) override;
  std::string TapeOf(const fs::path& file) override { return TextOf(file); }
  std::string WhySound() const override;
  std::string Summary(size_t cases, const std::map<std::string, size_t>& outcomes) const override;

  // Opens the server, unless it is open. Throws UserError if it cannot.
  void Open();
  // One life.
  struct Lived {
    history::History history;
    history::Life::Counts counts;
    LifeVerdict verdict;
    findings::CaseOutcome outcome;
  };
  // Sets life->profile. Throws UserError if the server cannot be reached any more, Interruption on
  // Ctrl-C.
  Lived Live(LifeSpec* life);
  // Why the server, which must be open, cannot live that part; "" if it can.
  std::string WhyNot(history::Part part) const;
  bool simulated() const { return !spec_.server.given(); }
  std::string ServerName() const;
  // How many lives decide about a case of this RunSpec; 1: the same seed gives the same life.
  static int AttemptsOf(const findings::RunSpec& spec) {
    return spec.server.given() ? kAttempts : 1;
  }

 private:
  fs::path source_;
  findings::RunSpec spec_;
  LifePlant plant_ = LifePlant::kNone;
  std::unique_ptr<live::LiveLives> lives_;
  std::unique_ptr<SimLives> simulation_;
};

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_SIMULATE_LIFE_RUNNER_H_
