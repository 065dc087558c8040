#ifndef RESPROBE_CLI_SIMULATE_LIFE_SEARCH_H_
#define RESPROBE_CLI_SIMULATE_LIFE_SEARCH_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/server_options.h"
#include "cli/simulate/life_runner.h"
#include "findings/campaign.h"
#include "findings/process_runner.h"
#include "runner/output.h"
#include "runner/project.h"

namespace resprobe::cli {

struct SimulateOptions {
  ServerOptions server;  // none: the simulated system
  int64_t seeds = 100;
  uint64_t seed = 1;
  int64_t ops = 1000;
  int64_t clients = 8;
  int64_t keys = 100;
  std::string parts = "all";
  std::string plant;
  double seconds = 0;
  bool stop_on_failure = false;
  runner::OutputOptions output;
};

// The lives of the seeds, part by part. In simulation each part is also a stream of a harness
// (engine/op_source.h), in a process of it: worlds with faults and invariants of their own.
class LifeSearch : public findings::Search {
 public:
  // The arguments must outlive it. Throws UserError.
  LifeSearch(const runner::Project& project, const SimulateOptions& options);

  bool Step(const Met& met) override;
  findings::CaseRunner& runner() override;
  std::string Line(const std::string& found, const findings::RunClock& clock) const override;
  std::string Summary() const override;
  Json Report() const override;
  void AddTo(report::Report* report) const override;
  std::string WhyVacuous() const override;
  // "20 ok, 1 violation, 3 unknown\n", in lives and streams; "" if none is unknown.
  std::string LastLine() const;

 private:
  // A part of the lives of all seeds, and its sums.
  struct PartOfLives {
    std::string name;
    history::Part part = history::Part::kConcurrent;
    std::string harness;  // whose stream belongs to it; "": none
    bool has_life = true;
    std::string left_out;  // why it is not lived

    uint64_t lives = 0;
    uint64_t ok = 0;
    uint64_t violations = 0;
    uint64_t unknown = 0;
    uint64_t by_witness = 0;
    uint64_t searched = 0;  // operations
    history::Life::Counts counts;
    uint64_t streams = 0;
    uint64_t stream_ops = 0;
    uint64_t failed_streams = 0;
  };
  struct Asked {
    uint64_t times = 0;
    uint64_t ok = 0;
  };

  void Live(PartOfLives* part, uint64_t seed, const Met& met);
  void Stream(PartOfLives* part, uint64_t seed, const Met& met);
  void CountCommands(const history::History& history);

  const SimulateOptions& options_;
  LifeCaseRunner lives_;
  std::map<std::string, std::unique_ptr<findings::ProcessRunner>> streams_;  // by harness
  findings::CaseRunner* current_ = nullptr;
  std::vector<PartOfLives> parts_;
  std::map<std::string, Asked> commands_;
  std::map<std::string, uint64_t> why_unknown_;
  std::vector<std::string> no_witness_;  // some of the reasons why an order did not explain a life
  std::vector<uint64_t> failed_seeds_;
  int64_t seeds_ = 0;  // done, or begun
  size_t next_part_ = 0;
};

// Runs the campaign; returns the exit code.
int RunSimulate(SimulateOptions& options);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_SIMULATE_LIFE_SEARCH_H_
