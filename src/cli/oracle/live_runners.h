#ifndef RESPROBE_CLI_ORACLE_LIVE_RUNNERS_H_
#define RESPROBE_CLI_ORACLE_LIVE_RUNNERS_H_

#include <map>
#include <memory>
#include <string>

#include "cli/oracle/model_session.h"
#include "cli/oracle/oracle_session.h"
#include "cli/oracle/robustness_session.h"
#include "findings/world_runner.h"

// The runners of cases on a live server: oracle, oracle --unmodelled, and the model check. Each
// constructor opens a server, and throws UserError if it cannot.
namespace resprobe::cli {

// The command with whole paths of the files that it names, so that it can be run from another
// folder.
std::string WithWholePaths(const std::string& command);
// Converts between the server of a RunSpec and the options of a verb. The runner's own options are
// those of --unmodelled.
LiveOptions ToLiveOptions(const findings::RunSpec& spec);
findings::RunSpec ToRunSpec(const LiveOptions& options, const std::string& runner,
                            const std::string& harness);

// Lines about the requests that were sent to neither the core nor the server: one for each reason
// if `all`, or if there are few; otherwise one line, which names the option that lists them.
std::string LeftOutText(const live::OracleCounts& counts, bool all, const std::string& option);

// Cases of command_handler on the core and on a live server, reply by reply.
class OracleCaseRunner : public findings::WorldRunner<CommandWorld> {
 public:
  OracleCaseRunner(const runner::Project& project, const findings::RunSpec& spec,
                   double survey_seconds = LiveOptions().survey_seconds);

  const findings::RunSpec& spec() const override { return spec_; }
  Json Versions() override;
  findings::CaseOutcome RunCase(const CommandCase& c) override;
  void ShrinkCase(findings::ShrinkBudget* budget, Arena* arena, CommandCase* c,
                  findings::CaseOutcome* outcome, bool* reproduced) override;
  std::string WhySound() const override;
  std::string Summary(size_t cases, const std::map<std::string, size_t>& outcomes) const override;
  Json Report() const override;

  OracleSession& session() { return session_; }
  findings::CaseOutcome OutcomeOf(const live::Difference& difference) const;
  // The same, under the signature of its cause (OracleSession::CauseOf()).
  findings::CaseOutcome OutcomeWithCause(const CommandCase& c,
                                         const std::optional<live::Difference>& difference);

 private:
  // Drops the ops without which the case has the same cause: what showed it may have named them.
  void ShrinkByCause(findings::ShrinkBudget* budget, CommandCase* c,
                     findings::CaseOutcome* outcome);

  fs::path source_;
  findings::RunSpec spec_;
  OracleSession session_;
  live::KnownDifferences accepted_;  // by the spec
  std::string shown_;                // the signature of the last difference, before its cause
};

// Cases of command_handler on a live server that is watched. Its options: "dangerous" (a boolean)
// and "memory" (megabytes; 0: no limit).
class RobustnessCaseRunner : public findings::WorldRunner<CommandWorld> {
 public:
  RobustnessCaseRunner(const runner::Project& project, const findings::RunSpec& spec);

  const findings::RunSpec& spec() const override { return spec_; }
  Json Versions() override;
  findings::CaseOutcome RunCase(const CommandCase& c) override;
  void ShrinkCase(findings::ShrinkBudget* budget, Arena* arena, CommandCase* c,
                  findings::CaseOutcome* outcome, bool* reproduced) override;
  std::string WhySound() const override;
  std::string Summary(size_t cases, const std::map<std::string, size_t>& outcomes) const override;
  Json Report() const override;

  RobustnessSession& session() { return session_; }
  static findings::CaseOutcome OutcomeOf(const live::Fault& fault);

 private:
  fs::path source_;
  findings::RunSpec spec_;
  RobustnessSession session_;
  std::optional<live::Fault> last_;  // of RunCase()
};

// Cases of invalidation on a live server with the core beside it.
class ModelCaseRunner : public findings::WorldRunner<InvalidationWorld> {
 public:
  // `restart_every`: see live::PairOptions.
  ModelCaseRunner(const runner::Project& project, const findings::RunSpec& spec,
                  uint64_t restart_every = 1);

  const findings::RunSpec& spec() const override { return spec_; }
  Json Versions() override;
  findings::CaseOutcome RunCase(const InvalidationCase& c) override;
  void ShrinkCase(findings::ShrinkBudget* budget, Arena* arena, InvalidationCase* c,
                  findings::CaseOutcome* outcome, bool* reproduced) override;
  std::string WhySound() const override;
  std::string Summary(size_t cases, const std::map<std::string, size_t>& outcomes) const override;
  Json Report() const override;

  const ModelSession& session() const { return session_; }

 private:
  fs::path source_;
  findings::RunSpec spec_;
  ModelSession session_;
};

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_ORACLE_LIVE_RUNNERS_H_
