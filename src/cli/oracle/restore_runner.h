#ifndef RESPROBE_CLI_ORACLE_RESTORE_RUNNER_H_
#define RESPROBE_CLI_ORACLE_RESTORE_RUNNER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "cli/oracle/oracle_session.h"
#include "findings/world_runner.h"
#include "live/restore/restore_runner.h"
#include "live/restore/restore_world.h"
#include "live/server/live_server.h"
#include "runner/project.h"

namespace resprobe::cli {

// Cases of the world restore on a live server that is watched. Its options: "memory" (megabytes;
// 0: no limit) and "assertions" (a boolean): an assertion without sanitize-dump-payload is a
// failure too.
class RestoreCaseRunner : public findings::WorldRunner<live::RestoreWorld> {
 public:
  // Opens the server; throws UserError if it is not there, has no DUMP, or must not be treated in
  // this way.
  RestoreCaseRunner(const runner::Project& project, const findings::RunSpec& spec);

  const findings::RunSpec& spec() const override { return spec_; }
  Json Versions() override;
  findings::CaseOutcome RunCase(const live::RestoreCase& c) override;
  void ShrinkCase(findings::ShrinkBudget* budget, Arena* arena, live::RestoreCase* c,
                  findings::CaseOutcome* outcome, bool* reproduced) override;
  std::string WhySound() const override;
  std::string Summary(size_t cases, const std::map<std::string, size_t>& outcomes) const override;
  Json Report() const override;

  // Runs one case; restarts a private server if necessary, or if `fresh`. Nothing after Ctrl-C too.
  // Throws UserError if the server does not come back.
  std::optional<live::RestoreFailure> Try(const live::RestoreCase& c, bool fresh = false);
  // Makes the server ready for a batch. False after Ctrl-C; throws as Try().
  bool Prepare(bool fresh = false);
  // True for an assertion without sanitize-dump-payload, unless the options make it a failure.
  bool Tolerates(const live::RestoreFailure& failure) const;
  static findings::CaseOutcome OutcomeOf(const live::RestoreFailure& failure);

  live::RestoreRunner& restore() { return *restore_; }
  const live::RestoreRunner& restore() const { return *restore_; }
  const live::RestoreCounts& counts() const { return restore_->counts(); }
  const live::LiveServer& target() const { return *target_; }
  bool assertions() const { return assertions_; }

 private:
  fs::path source_;
  findings::RunSpec spec_;
  bool assertions_ = false;
  std::unique_ptr<live::LiveServer> target_;
  std::unique_ptr<live::RestoreRunner> restore_;
  uint64_t tolerated_ = 0;  // by RunCase()
};

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_ORACLE_RESTORE_RUNNER_H_
