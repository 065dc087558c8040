#ifndef RESPROBE_CLI_CRASH_CRASH_RUNNER_H_
#define RESPROBE_CLI_CRASH_CRASH_RUNNER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/run_context.h"
#include "findings/process_runner.h"
#include "findings/world_runner.h"
#include "live/durability/live_durability.h"
#include "runner/project.h"
#include "worlds/durability/durability_world.h"

namespace resprobe::cli {

// Cases of durability in this process.
class DurabilityCaseRunner : public findings::WorldRunner<DurabilityWorld> {
 public:
  explicit DurabilityCaseRunner(findings::RunSpec spec) : spec_(std::move(spec)) {}

  const findings::RunSpec& spec() const override { return spec_; }
  void Run(const std::vector<fs::path>& files, bool trace, bool twice, const Take& take) override;
  findings::CaseOutcome RunCase(const Case<DurabilityWorld>& c) override;
  void ShrinkCase(findings::ShrinkBudget* budget, Arena* arena, Case<DurabilityWorld>* c,
                  findings::CaseOutcome* outcome, bool* reproduced) override;
  std::string Summary(size_t cases, const std::map<std::string, size_t>& outcomes) const override;

  static findings::CaseOutcome OutcomeOf(const Violation& violation, size_t ops);

 protected:
  // Runs the case; a violation is the context's.
  virtual void RunIn(const Case<DurabilityWorld>& c, RunContext& run) = 0;

  findings::RunSpec spec_;

 private:
  findings::CaseOutcome RunWith(const Case<DurabilityWorld>& c, Trace::Mode mode);
};

// On a real server, on a simulated disk in a sandbox.
class CrashCaseRunner : public DurabilityCaseRunner {
 public:
  // Throws UserError if the server's program is not there.
  CrashCaseRunner(const runner::Project& project, const findings::RunSpec& spec);

  Json Versions() override;
  std::string WhySound() const override;

  live::LiveDurability& world() { return *world_; }
  Profile profile() const { return profile_; }

 private:
  // Throws UserError if the sandbox cannot run the server.
  void RunIn(const Case<DurabilityWorld>& c, RunContext& run) override;

  fs::path source_;
  Profile profile_ = Profile::kRedis70;
  std::unique_ptr<live::PreparedServers> prepared_;
  std::unique_ptr<live::LiveDurability> world_;
};

// On the core with an injected fault, which no harness has: the option "plant" names it
// (planted_faults.h).
class PlantedCaseRunner : public DurabilityCaseRunner {
 public:
  // Throws UserError if there is no such fault.
  PlantedCaseRunner(const runner::Project& project, const findings::RunSpec& spec);

  // That of cases which `plant` makes fail.
  static findings::RunSpec SpecOf(const std::string& plant);

  Json Versions() override;
  std::string WhySound() const override { return "holds on the core, which was broken on purpose"; }
  DurabilityWorld& world() { return world_; }

 private:
  void RunIn(const Case<DurabilityWorld>& c, RunContext& run) override;

  fs::path source_;
  DurabilityWorld world_;
};

// Runs a case of the core.
void RunOnCore(const Case<DurabilityWorld>& c, DurabilityWorld* world, RunContext& run);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CRASH_CRASH_RUNNER_H_
