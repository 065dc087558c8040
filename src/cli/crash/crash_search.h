#ifndef RESPROBE_CLI_CRASH_CRASH_SEARCH_H_
#define RESPROBE_CLI_CRASH_CRASH_SEARCH_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/crash/crash_places.h"
#include "cli/crash/crash_subject.h"
#include "cli/crash/fault_plan.h"
#include "cli/server_options.h"
#include "engine/arena.h"
#include "findings/campaign.h"
#include "runner/output.h"
#include "runner/project.h"

namespace resprobe::cli {

// What a campaign of crash or chaos does.
struct CrashOptions {
  std::string verb;
  ServerOptions server;  // chaos: none, then the core runs
  std::string policy = "all";
  std::string faults = "all";
  std::string level = "prefix";
  int64_t seed = 1;
  int64_t seeds = 0;  // 0: no limit
  int64_t ops = 0;    // of a case; 0: as they come
  double seconds = 0;
  int64_t states = 2;
  bool sweep = false;
  std::string plant;
  bool stop_on_failure = false;
  int64_t shrink_candidates = 400;
  runner::OutputOptions output;
};

inline constexpr std::string_view kStartPolicies[] = {"always", "everysec", "no", "rdb"};

// Cases of the harness durability, of these policies and faults.
class CrashSearch : public findings::Search {
 public:
  // The arguments must outlive it. Throws UserError.
  CrashSearch(const runner::Project& project, const CrashOptions& options,
              const std::vector<NamedFault>& faults);

  bool Step(const Met& met) override;
  findings::CaseRunner& runner() override { return subject_->runner(); }
  void Aside(bool begins) override;
  std::string Line(const std::string& found, const findings::RunClock& clock) const override;
  std::string Summary() const override;
  Json Report() const override;
  void AddTo(report::Report* report) const override;
  std::string WhyVacuous() const override;

 private:
  // The call to the disk that a sweep lets fail.
  struct SweptCall {
    size_t op;      // before which the fault is switched on
    uint8_t after;  // calls later
    DiskOp call;
    std::string place;
  };
  // How often a sweep has let a call of a kind fail.
  struct SweptPlace {
    uint64_t calls = 0;
    uint64_t once = 0;
    uint64_t from_then_on = 0;
    uint64_t acted = 0;
    uint64_t beyond = 0;  // calls that no fault can name: 256 calls or more after their op began
  };

  bool chaos() const { return options_.verb == "chaos"; }
  // A case of the plan: of one of its policies, with its faults alone.
  void Make(uint64_t seed, Case<DurabilityWorld>* c);
  bool Wants(const DiskCall& call, SandboxRole role);
  // Returns what has happened in it.
  const DurabilityCounts& RunCase(const Case<DurabilityWorld>& c, const std::string& from,
                                  const Met& met);
  // What LiveDurability does with a server that has recovered, as ops.
  void AddSecondLife(Case<DurabilityWorld>* c);
  void Tell(const Case<DurabilityWorld>& c, const std::string& from, findings::CaseOutcome outcome,
            const Met& met);
  // The next call of the base case fails: in each way that there is, once, and from then on.
  void Sweep(const Met& met);
  // A table of what has fired, and what came of it; and the same for a report.
  std::string FiredText() const;
  Json FiredReport() const;

  const CrashOptions& options_;
  const FaultPlan plan_;
  std::vector<StartPolicy> policies_;
  CrashLevel level_ = CrashLevel::kPrefix;
  std::unique_ptr<CrashSubject> subject_;
  CrashPlaces places_;
  Arena arena_;
  Case<DurabilityWorld> base_;
  std::vector<SweptCall> swept_;
  std::map<std::string, SweptPlace> swept_places_;
  bool probing_ = false;
  bool listing_ = false;
  int64_t cases_ = 0;
  int64_t seed_ = 0;
  uint64_t swept_calls_ = 0;
  uint64_t swept_runs_ = 0;
  DurabilityCounts last_;
  DurabilityCounts counts_;
};

// Runs the campaign; returns the exit code.
int RunCrashSearch(CrashOptions& options, const std::vector<NamedFault>& faults);
// The options that both verbs have, but for the server.
void AddCrashLimits(Verb* verb, CrashOptions* options);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CRASH_CRASH_SEARCH_H_
