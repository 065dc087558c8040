#ifndef RESPROBE_CLI_CACHE_STALE_SEARCH_H_
#define RESPROBE_CLI_CACHE_STALE_SEARCH_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "cachelab/hunt/stale_generate.h"
#include "cachelab/hunt/stale_shrink.h"
#include "cli/cache/stale_options.h"
#include "cli/cache/workers_runner.h"
#include "findings/campaign.h"

namespace resprobe::cli {

// The differences between invalidate and kill.
struct HuntKind {
  std::string verb;
  // Generates the case of a seed.
  std::function<void(uint64_t seed, const cachelab::CasePlan& plan, cachelab::StaleCase* out)>
      generate;
  // After each generated case.
  std::function<void(const cachelab::StaleCase& c, const cachelab::StaleOutcome& outcome)> after =
      [](const cachelab::StaleCase&, const cachelab::StaleOutcome&) {};
  // Why a run without findings proves nothing; empty if it does prove something.
  std::function<std::string(const cachelab::StaleCounts&)> vacuous;
  // Lines for the summary, and for the report.
  std::function<std::string()> summary = [] { return std::string(); };
  std::function<Json()> report = [] { return Json::object(); };
};

// Generated cases of shared_cache, or a given case several times. Case number i, from 0, is that of
// the seed `--seed` + i.
class StaleSearch : public findings::Search {
 public:
  // The arguments must outlive the search. Throws UserError if there is no such server or case.
  StaleSearch(const runner::Project& project, const StaleVerbOptions& options, const HuntKind& kind,
              std::FILE* out);

  // The line that begins a run.
  std::string Begin() const;

  bool Step(const Met& met) override;
  findings::CaseRunner& runner() override { return runner_; }
  std::string WhyNotAlone() const override;
  uint64_t Requests() const override { return counts_.checked; }
  std::string Line(const std::string& found, const findings::RunClock& clock) const override;
  std::string Summary() const override;
  Json Report() const override;
  std::string WhyVacuous() const override;

 private:
  static findings::RunSpec SpecOf(const StaleVerbOptions& options);
  void AfterRound(const cachelab::StaleWorld& world);
  void PrintEvents(const std::vector<cachelab::StaleEvent>& events);

  const StaleVerbOptions& options_;
  const HuntKind& kind_;
  std::FILE* out_;
  std::optional<cachelab::StaleCase> given_;
  WorkersCaseRunner runner_;
  cachelab::CasePlan plan_;
  bool exact_ = true;   // the cache has a barrier
  uint64_t limit_ = 0;  // of rounds, or of runs of the given case; 0: none
  uint64_t cases_ = 0;
  size_t printed_ = 0;  // events of the case
  cachelab::StaleCounts counts_;
  std::string last_refusal_;
};

// Runs a hunt; returns the exit code.
int RunHunt(const StaleVerbOptions& options, const HuntKind& kind);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CACHE_STALE_SEARCH_H_
