#ifndef RESPROBE_CLI_CACHE_STALE_HUNT_H_
#define RESPROBE_CLI_CACHE_STALE_HUNT_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "cachelab/hunt/stale_generate.h"
#include "cachelab/hunt/stale_shrink.h"
#include "cli/cache/stale_options.h"
#include "runner/files.h"
#include "runner/json.h"

namespace resprobe::cli {

// The differences between invalidate and kill.
struct HuntKind {
  std::string verb;
  // Generates the case of a seed.
  std::function<void(uint64_t seed, const live::CasePlan& plan, live::StaleCase* out)> generate;
  // After each generated case.
  std::function<void(const live::StaleCase& c, const live::StaleOutcome& outcome)> after =
      [](const live::StaleCase&, const live::StaleOutcome&) {};
  // Why a run without findings proves nothing; empty if it does prove something.
  std::function<std::string(const live::StaleCounts&)> vacuous;
  // Lines for the summary, and for the report.
  std::function<std::string()> summary = [] { return std::string(); };
  std::function<Json()> report = [] { return Json::object(); };
  // The verb's own options as they are typed.
  std::string typed;
};

// Runs cases, files each kind of failure once (log, case, minimized case), and continues. Case
// number i, from 0, is that of the seed `--seed` + i.
class StaleHunt {
 public:
  StaleHunt(const StaleVerbOptions& options, HuntKind kind);

  // Returns the exit code.
  int Run();

 private:
  struct Failure {
    live::StaleOutcome outcome;  // of the minimized case if there is one
    uint64_t met = 0;
    fs::path file;
  };

  void Open();
  void RunCase(const live::StaleCase& c);
  void AfterRound(const live::StaleWorld& world);
  void PrintEvents(const std::vector<live::StaleEvent>& events);
  void Handle(const live::StaleCase& c, const live::StaleOutcome& outcome);
  Json Log(const live::StaleCase& c, const live::StaleOutcome& outcome,
           const live::ShrunkCase& shrunk) const;
  // Returns the argument for `--case`.
  fs::path Write(const Json& log, const live::StaleCase& smallest, const std::string& signature);
  std::string Line() const;
  std::string Command() const;
  Json Report() const;
  int Finish();

  const StaleVerbOptions& options_;
  PoolVerbOptions pool_;
  HuntKind kind_;
  std::FILE* out_;
  std::unique_ptr<live::LiveServer> server_;
  std::unique_ptr<live::StaleTarget> target_;
  std::string cache_;          // the cache under test
  uint64_t case_seed_ = 0;     // of the running case
  bool replay_ = false;        // a given case
  size_t printed_ = 0;         // events of the case
  live::StaleCounts counts_;   // of the cases before this one
  live::StaleCounts running_;  // of this one
  std::string last_refusal_;
  std::map<std::string, std::string> known_;  // signature as met -> as filed
  std::map<std::string, Failure> failures_;   // by the signature as filed
  Json file_ = Json::array();                 // what --failure-log FILE holds
  double start_ = 0;
  double next_line_ = 0;
  double aside_ = 0;  // seconds spent on shrinking
  bool broken_ = false;
};

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CACHE_STALE_HUNT_H_
