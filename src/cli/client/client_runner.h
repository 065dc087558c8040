#ifndef RESPROBE_CLI_CLIENT_CLIENT_RUNNER_H_
#define RESPROBE_CLI_CLIENT_CLIENT_RUNNER_H_

#include <map>
#include <string>

#include "findings/world_runner.h"
#include "live/client/client_live_world.h"

namespace resprobe::cli {

// Cases of client_live, with the driver that the option "driver" of the RunSpec names.
//
// The client and its peer are two processes, so a run may differ from the one before it: a case
// passes only if none of kAttempts runs fails.
class ClientCaseRunner : public findings::WorldRunner<live::ClientLiveWorld> {
 public:
  static constexpr int kAttempts = 3;

  // Starts the driver; throws UserError if it cannot.
  ClientCaseRunner(const runner::Project& project, const findings::RunSpec& spec);

  const findings::RunSpec& spec() const override { return spec_; }
  Json Versions() override;
  void Run(const std::vector<fs::path>& files, bool trace, bool twice, const Take& take) override;
  findings::CaseOutcome RunCase(const Case<live::ClientLiveWorld>& c) override;
  void ShrinkCase(findings::ShrinkBudget* budget, Arena* arena, Case<live::ClientLiveWorld>* c,
                  findings::CaseOutcome* outcome, bool* reproduced) override;
  std::string WhySound() const override;
  std::string Summary(size_t cases, const std::map<std::string, size_t>& outcomes) const override;

  // Runs it once. Throws UserError if the driver does not start, Interruption on Ctrl-C.
  findings::CaseOutcome RunOnce(const Case<live::ClientLiveWorld>& c, Trace::Mode mode);
  const live::ClientLiveWorld& world() const { return world_; }

 private:
  void Open();

  fs::path source_;
  findings::RunSpec spec_;
  live::ClientLiveWorld world_;
};

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CLIENT_CLIENT_RUNNER_H_
