#ifndef RESPROBE_CLI_ORACLE_ORACLE_SEARCH_H_
#define RESPROBE_CLI_ORACLE_ORACLE_SEARCH_H_

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cli/oracle/accepted.h"
#include "cli/oracle/live_runners.h"
#include "cli/oracle/oracle_cases.h"
#include "cli/oracle/oracle_session.h"
#include "cli/oracle/robustness_session.h"
#include "findings/campaign.h"

namespace resprobe::cli {

using OracleVerbOptions = CallVerbOptions;

// What --write-accept writes where the user must.
inline constexpr std::string_view kNoReason = "say why it is accepted";

// Compares the core with a live server: cases of command_handler, sent ahead of the server's
// replies.
class OracleSearch : public findings::Search {
 public:
  OracleSearch(const runner::Project& project, const OracleVerbOptions& options);
  bool Step(const Met& met) override;
  void Drain(const Met& met) override;
  bool Accepts(const std::string& signature) override;

  // A command that reads differs by itself, until the write is known that its case names.
  std::string RoughCause(const std::string& signature) override;
  bool AcceptsRoughly(const std::string& rough_cause) override;

  // Of redis and valkey each command is judged by itself.
  bool ProbablyOneCause(const std::string& one, const std::string& other) override;

  // A server that has ended need not do so again, nor one that sends pushes at any time; and one
  // that is gone cannot be asked.
  bool MustRecur(const findings::CaseOutcome& outcome) const override;
  std::string WhyVacuous() const override;
  const AcceptedDifferences& accepted() const { return accepted_; }
  const OracleSession& session() const { return session_; }

  findings::CaseRunner& runner() override { return runner_; }

  findings::SmallCase Reduce(const findings::MetCase& met,
                             const findings::ShrinkLimits& limits) override;
  void LimitTo(std::function<bool()> over) override;
  void Aside(bool begins) override;
  uint64_t Requests() const override { return counts().requests; }

  std::string Begin() const;
  std::string Line(const std::string& found, const findings::RunClock& clock) const override;
  std::string Summary() const override;
  Json Report() const override;

 private:
  // Reruns the cases in flight one by one to find out which of them differs, and from which request
  // on.
  void Examine(const live::Difference& difference, const Met& met);
  void ExamineFirst(const live::Difference& difference, const Met& met);

  // Lets the campaign count the known differences that have not ended a case.
  void CountKnown(const Met& met);

  // The cases of the survey: each shows why the server is unfit.
  void AddSurveyCases();
  void Tell(const live::Difference& difference, const CommandCase& c, const std::string& from,
            const Met& met);
  const live::OracleCounts& counts() const { return session_.oracle().counts(); }

  const OracleVerbOptions& options_;
  AcceptedDifferences accepted_;  // read before a server is started
  OracleCaseRunner runner_;
  OracleSession& session_;
  OracleCases cases_;
  std::map<std::string, uint64_t> counted_;  // of the known differences, by signature
  std::set<std::string> ends_;  // how requests that were identified have ended the server
  Arena survey_arena_;
  std::function<bool()> over_;
  std::vector<CommandCase> of_survey_;  // those that have not run
  uint64_t taken_ = 0;       // cases, without those of the survey and those that are run again
  live::OracleCounts kept_;  // while cases run that are not of the search
};

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_ORACLE_ORACLE_SEARCH_H_
