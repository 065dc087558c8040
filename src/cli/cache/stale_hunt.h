#ifndef RESPROBE_CLI_CACHE_STALE_HUNT_H_
#define RESPROBE_CLI_CACHE_STALE_HUNT_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "cachelab/hunt/stale_runner.h"
#include "cachelab/hunt/stale_shrink.h"
#include "cli/cache/stale_options.h"
#include "engine/rng.h"
#include "runner/files.h"
#include "runner/json.h"

namespace resprobe::cli {

// What makes the difference between invalidate and kill.
struct HuntKind {
  std::string verb;
  // The target is open: how many workers it has, and of them writers.
  std::function<void(int workers, int writers)> opened;
  // Round number `i`.
  std::function<live::Round(uint64_t i, Rng* rng)> make;
  // After each round, with the counts before and after it.
  std::function<void(const live::StaleCounts& before, const live::StaleCounts& after)> after =
      [](const live::StaleCounts&, const live::StaleCounts&) {};
  // Why a run that found nothing proves nothing; empty if it does.
  std::function<std::string(const live::StaleCounts&)> vacuous;
  // Lines for the summary, and for the report.
  std::function<std::string()> summary = [] { return std::string(); };
  std::function<Json()> report = [] { return Json::object(); };
  // The verb's own options, as one would type them again.
  std::string typed;
};

// Runs rounds, files each kind of failure once (log, case, minimized case), and goes on.
class StaleHunt {
 public:
  StaleHunt(const StaleVerbOptions& options, HuntKind kind);

  // The exit code.
  int Run();

 private:
  struct Failure {
    live::StaleViolation violation;  // of the minimized case if there is one
    uint64_t met = 0;
    fs::path file;
    Json json;
  };

  void Open();
  bool Step(const live::Round& round);
  void Handle(const live::StaleViolation& violation);
  Json Log(const live::StaleViolation& violation, const live::StaleCase& whole,
           const live::ShrunkCase& shrunk) const;
  fs::path Write(const Json& log, const std::string& signature);
  void PrintRound() const;
  std::string Line() const;
  std::string Command() const;
  Json Report() const;
  int Finish();

  const StaleVerbOptions& options_;
  HuntKind kind_;
  std::FILE* out_;
  std::unique_ptr<live::LiveServer> server_;
  std::unique_ptr<live::StaleTarget> target_;
  std::unique_ptr<live::StaleRunner> runner_;
  std::string cache_;  // what is hunted in
  std::deque<live::Round> recent_;
  std::map<std::string, std::string> known_;  // signature as met -> as filed
  std::map<std::string, Failure> failures_;   // by the signature as filed
  Json file_ = Json::array();                 // what --failure-log FILE holds
  double start_ = 0;
  double aside_ = 0;  // seconds in which failures were made small
  bool broken_ = false;
};

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CACHE_STALE_HUNT_H_
