#ifndef RESPROBE_CLI_ORACLE_QUERY_RUNNER_H_
#define RESPROBE_CLI_ORACLE_QUERY_RUNNER_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/oracle/oracle_session.h"
#include "findings/case_runner.h"
#include "live/query/query_oracle.h"
#include "live/server/live_server.h"
#include "runner/project.h"

namespace resprobe::cli {

// Cases of query_parser on the core's parser and on the RediSearch of a live server. Its option:
// "memory" (megabytes; 0: no limit). The cases are raw bytes.
class QueryCaseRunner : public findings::CaseRunner {
 public:
  // Opens the server; throws UserError if it is not there or has no RediSearch.
  QueryCaseRunner(const runner::Project& project, const findings::RunSpec& spec);
  ~QueryCaseRunner() override;

  const findings::RunSpec& spec() const override { return spec_; }
  Json Versions() override;
  void Run(const std::vector<fs::path>& files, bool trace, bool twice, const Take& take) override;
  findings::SmallCase Shrink(const fs::path& file, const findings::ShrinkLimits& limits) override;
  std::string TextOf(const fs::path& file) override;
  std::string TapeOf(const fs::path& file) override;
  std::string WhySound() const override;
  std::string Summary(size_t cases, const std::map<std::string, size_t>& outcomes) const override;
  Json Report() const override;

  // Runs one case; restarts a private server if necessary, or if `fresh`. Nothing after Ctrl-C too.
  // Throws UserError if the server does not come back.
  std::optional<live::QueryFailure> RunTape(std::string_view tape, bool fresh = false);
  static findings::CaseOutcome OutcomeOf(const live::QueryFailure& failure);
  const live::QueryCounts& counts() const { return oracle_->counts(); }
  const live::LiveServer& target() const { return *target_; }
  // The lines of the profile's rules: how often each decided.
  std::string Rules() const;

 private:
  fs::path source_;
  findings::RunSpec spec_;
  std::unique_ptr<live::LiveServer> target_;
  std::unique_ptr<live::QueryOracle> oracle_;
};

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_ORACLE_QUERY_RUNNER_H_
