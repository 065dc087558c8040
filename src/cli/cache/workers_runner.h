#ifndef RESPROBE_CLI_CACHE_WORKERS_RUNNER_H_
#define RESPROBE_CLI_CACHE_WORKERS_RUNNER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "cachelab/hunt/stale_shrink.h"
#include "cachelab/hunt/stale_target.h"
#include "cachelab/hunt/stale_world.h"
#include "cli/cache/stale_options.h"
#include "findings/world_runner.h"

namespace resprobe::cli {

// Cases of shared_cache on worker processes in front of a live server, or on a foreign cache. The
// numbers of workers and writers and their tracking are in the case; the options of the RunSpec are
//
//   "slots"        entries that the cache has room for
//   "plant"        the fault that the workers are given
//   "key_prefix"   what the keys' names begin with
//   "url"          a foreign cache, instead of a server and workers
//
// What the operating system decides differs from run to run, so a case passes only if none of
// kAttempts runs fails.
class WorkersCaseRunner : public findings::WorldRunner<cachelab::StaleWorld> {
 public:
  static constexpr int kAttempts = 30;

  // Opens the server; throws UserError if it cannot.
  WorkersCaseRunner(const runner::Project& project, const findings::RunSpec& spec);
  // Empties a server or a cache that was there before.
  ~WorkersCaseRunner() override;

  // Starts the workers that the config asks for, unless they run. Throws UserError.
  cachelab::StaleTarget& Open(const cachelab::stale::Config& config);
  // Runs a case once, and calls `on_round` after each round. Throws UserError if the server is
  // gone. After Ctrl-C the outcome may be of a part of the case.
  cachelab::StaleOutcome RunOnce(
      const cachelab::StaleCase& c,
      const std::function<void(const cachelab::StaleWorld&)>& on_round =
          [](const cachelab::StaleWorld&) {});
  static findings::CaseOutcome OutcomeOf(const cachelab::StaleOutcome& stale);

  const findings::RunSpec& spec() const override { return spec_; }
  Json Versions() override;
  // Runs it until it fails, at most kAttempts times.
  findings::CaseOutcome RunCase(const cachelab::StaleCase& c) override;
  void ShrinkCase(findings::ShrinkBudget* budget, Arena* arena, cachelab::StaleCase* c,
                  findings::CaseOutcome* outcome, bool* reproduced) override;
  std::string WhySound() const override;
  std::string Summary(size_t cases, const std::map<std::string, size_t>& outcomes) const override;
  Json Report() const override;

  // What the workers are in front of: "redis 7.0.15", or the URL.
  const std::string& cache() const { return cache_; }
  // Of workers, in all runs: ends, and stops by a signal.
  uint64_t deaths() const;
  uint64_t stops() const;

 private:
  void Close();

  fs::path source_;
  findings::RunSpec spec_;
  PoolVerbOptions pool_;  // as specified; a case sets the numbers of workers and writers
  std::string url_;
  std::string key_prefix_;
  std::string cache_;
  std::unique_ptr<live::LiveServer> server_;
  std::unique_ptr<cachelab::StaleTarget> target_;
  cachelab::stale::PoolShape shape_;  // of the target
  int slot_bytes_ = 0;                // likewise
  bool opened_ = false;               // a target was opened before
  uint64_t deaths_ = 0;               // of the targets before this one
  uint64_t stops_ = 0;
  cachelab::StaleCounts counts_;                // of all runs
  std::optional<cachelab::StaleOutcome> last_;  // of RunCase()
};

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CACHE_WORKERS_RUNNER_H_
