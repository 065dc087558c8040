#ifndef RESPROBE_CLI_CRASH_CRASH_RUNNER_H_
#define RESPROBE_CLI_CRASH_CRASH_RUNNER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/run_context.h"
#include "findings/world_runner.h"
#include "live/durability/live_durability.h"
#include "runner/project.h"

namespace resprobe::cli {

// Cases of durability on a real server, on a simulated disk in a sandbox.
class CrashCaseRunner : public findings::WorldRunner<DurabilityWorld> {
 public:
  // Throws UserError if the server's program is not there.
  CrashCaseRunner(const runner::Project& project, const findings::RunSpec& spec);

  const findings::RunSpec& spec() const override { return spec_; }
  Json Versions() override;
  void Run(const std::vector<fs::path>& files, bool trace, bool twice, const Take& take) override;
  // Throws UserError if the sandbox cannot run the server.
  findings::CaseOutcome RunCase(const Case<DurabilityWorld>& c) override;
  void ShrinkCase(findings::ShrinkBudget* budget, Arena* arena, Case<DurabilityWorld>* c,
                  findings::CaseOutcome* outcome, bool* reproduced) override;
  std::string WhySound() const override;
  std::string Summary(size_t cases, const std::map<std::string, size_t>& outcomes) const override;

  static findings::CaseOutcome OutcomeOf(const Violation& violation, size_t ops);
  live::LiveDurability& world() { return *world_; }
  Profile profile() const { return profile_; }

 private:
  findings::CaseOutcome RunIn(const Case<DurabilityWorld>& c, Trace::Mode mode);

  fs::path source_;
  findings::RunSpec spec_;
  Profile profile_ = Profile::kRedis70;
  std::unique_ptr<live::PreparedServers> prepared_;
  std::unique_ptr<live::LiveDurability> world_;
};

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CRASH_CRASH_RUNNER_H_
