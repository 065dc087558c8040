// oracle --check-tools: broken files for the programs that check and repair a server's files.

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "cli/oracle/check_runner.h"
#include "cli/oracle/harness_files.h"
#include "cli/oracle/live_runners.h"
#include "cli/oracle/restore_oracle.h"
#include "cli/oracle/restore_runner.h"
#include "findings/campaign.h"
#include "live/restore/persistence_files.h"
#include "runner/case_file.h"
#include "runner/output.h"

namespace resprobe::cli {
namespace {

// Files of the corpora, with a few bytes changed, among those that are generated.
constexpr uint32_t kFromCorpusOneIn = 4;

class CheckSearch : public findings::Search {
 public:
  CheckSearch(const runner::Project& project, const CallVerbOptions& options)
      : options_(options),
        runner_(project, ToRunSpec(options.server, "check_tools", std::string(CheckWorld::kName))) {
    // A server of the same kind makes the values.
    RestoreCaseRunner server(project, ToRunSpec(options.server, "restore", ""));
    std::vector<std::string> dumped;
    std::vector<std::string> strings;
    server.restore().ReadValues(&dumped, &strings);
    files_ = std::make_unique<live::PersistenceFiles>(dumped, server.restore().rdb_version());
    corpus_ = ReadHarnessFiles(project);
  }

  size_t corpus_size() const { return corpus_.size(); }

  bool Step(const Met& met) override {
    if (options_.seeds > 0 && taken_ == options_.seeds) return false;
    // A run without an end begins with the corpora as they are.
    std::string from;
    bool rdb;
    std::string bytes;
    if (options_.seeds == 0 && taken_ < corpus_.size()) {
      const HarnessFile& file = corpus_[taken_++];
      rdb = file.rdb;
      bytes = file.bytes;
      from = file.from;
    } else {
      const uint64_t seed = options_.cases.seed + taken_++;
      Rng rng(seed);
      from = "seed " + std::to_string(seed);
      if (!corpus_.empty() && rng.OneIn(kFromCorpusOneIn)) {
        const HarnessFile& file = corpus_[rng.Below(corpus_.size())];
        rdb = file.rdb;
        bytes = live::PayloadMutator::MutateString(rng, file.bytes);
      } else {
        // RDB files in every second case.
        rdb = rng.OneIn(2);
        bytes = rdb ? files_->MakeRdb(rng) : files_->MakeAof(rng);
      }
    }
    CheckCase c;
    if (rdb) {
      c.ops.emplace_back(CheckWorld::Rdb{{bytes}});
    } else {
      c.ops.emplace_back(CheckWorld::Aof{{bytes}});
    }
    findings::CaseOutcome outcome = runner_.RunCase(c);
    if (!outcome.failed()) return true;
    findings::MetCase one;
    one.tape = runner::TapeOf(c);
    one.ops = 1;
    one.from = std::move(from);
    one.seed = options_.cases.seed;
    one.outcome = std::move(outcome);
    met(std::move(one));
    return true;
  }

  findings::CaseRunner& runner() override { return runner_; }

  void Aside(bool begins) override {
    const uint64_t sign = begins ? uint64_t(0) - 1 : 1;
    aside_runs_ += sign * counts().runs;
    aside_sound_ += sign * counts().sound;
    aside_repaired_ += sign * counts().repaired;
  }

  std::string Line(const std::string& found, const findings::RunClock& clock) const override {
    return runner::Grouped(taken_) + " files, " + runner::Grouped(counts().sound - aside_sound_) +
           " sound, " + runner::Grouped(counts().repaired - aside_repaired_) + " repaired, " +
           found + ", " + clock.Rate(taken_, "files");
  }

  Json Report() const override {
    return {{"server", runner_.spec().server.version},
            {"seed", options_.cases.seed},
            {"files", taken_},
            {"runs", counts().runs - aside_runs_},
            {"sound", counts().sound - aside_sound_},
            {"repaired", counts().repaired - aside_repaired_}};
  }

 private:
  const CheckCounts& counts() const { return runner_.counts(); }

  const CallVerbOptions& options_;
  CheckCaseRunner runner_;
  std::unique_ptr<live::PersistenceFiles> files_;
  std::vector<HarnessFile> corpus_;
  uint64_t taken_ = 0;
  // Spent on shrinking.
  uint64_t aside_runs_ = 0;
  uint64_t aside_sound_ = 0;
  uint64_t aside_repaired_ = 0;
};

}  // namespace

int CheckTools(const CallVerbOptions& options) {
  const runner::Project project = runner::OpenProject();
  CheckSearch search(project, options);
  findings::CampaignOptions campaign;
  campaign.verb = "oracle --check-tools";
  campaign.prefix = "check-" + runner::Slug(search.runner().spec().server.version) + "-";
  campaign.seconds = options.seconds;
  campaign.stop_on_failure = options.stop_on_failure;
  campaign.shrink.candidates = options.shrink_candidates;
  campaign.out = options.output.text_on_stdout() ? stdout : stderr;
  std::fprintf(campaign.out,
               "the tools of %s, seed %llu, and %zu files of the corpora of rdb and aof\n",
               search.runner().spec().server.version.c_str(),
               static_cast<unsigned long long>(options.cases.seed), search.corpus_size());
  return findings::Campaign(project, &search, campaign).Run(options.output);
}

}  // namespace resprobe::cli
