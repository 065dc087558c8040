// oracle --query: queries on the core's parser and on a live RediSearch, tree by tree.

#include "cli/oracle/query_oracle.h"

#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/oracle/live_runners.h"
#include "cli/oracle/query_runner.h"
#include "driver/driver.h"
#include "engine/raw_harness.h"
#include "findings/campaign.h"
#include "runner/json.h"
#include "runner/process.h"
#include "runner/user_error.h"
#include "worlds/query/query_parser.h"

namespace resprobe::cli {
namespace {

// The cases: the seed corpus and the regressions of query_parser, then generated ones, of which
// every fourth is a corpus case that has been mutated.
class QueryCases {
 public:
  QueryCases(const runner::Project& project, uint64_t first_seed) : seed_(first_seed) {
    const std::string name(QueryParser<>::kName);
    for (const fs::path& folder :
         {project.source / "corpus" / name, project.source / "tests" / "regressions" / name}) {
      for (const fs::path& file : runner::FilesIn(folder)) files_.push_back(file);
    }
  }

  std::string Next(QueryCaseRunner& reader) {
    if (taken_ < files_.size()) {
      const fs::path& file = files_[taken_++];
      name_ = file.filename().string();
      return reader.TapeOf(file);
    }
    const uint64_t seed = seed_ + (taken_++ - files_.size());
    name_ = "seed " + std::to_string(seed);
    constexpr uint64_t kMutated = 4;
    if (seed % kMutated != 0 || files_.empty()) {
      const Tape tape = harness_.Generate(seed);
      return {tape.begin(), tape.end()};
    }
    constexpr size_t kRoom = 256;
    constexpr uint32_t kMutations = 3;
    const std::string before = reader.TapeOf(files_[seed / kMutated % files_.size()]);
    Tape tape(before.begin(), before.end());
    for (uint32_t i = 0; i < kMutations; ++i) {
      size_t size = tape.size();
      tape.resize(size + kRoom);
      size =
          harness_.Mutate(tape.data(), size, tape.size(),
                          static_cast<uint32_t>(seed * kMutations + i), driver::PlainMutateBytes);
      tape.resize(size);
    }
    return {tape.begin(), tape.end()};
  }

  const std::string& name() const { return name_; }
  size_t corpus() const { return files_.size(); }

 private:
  uint64_t seed_;
  std::vector<fs::path> files_;
  uint64_t taken_ = 0;
  std::string name_;
  RawHarness<QueryParser<>> harness_;
};

class QuerySearch : public findings::Search {
 public:
  QuerySearch(const runner::Project& project, const CallVerbOptions& options)
      : options_(options),
        runner_(project, ToRunSpec(options.server, "query", std::string(QueryParser<>::kName))),
        cases_(project, options.cases.seed) {}

  std::string Begin() const {
    return runner_.spec().server.version + " against the core's parser with the profile " +
           runner_.spec().server.profile + ", seed " + std::to_string(options_.cases.seed) + "\n";
  }

  bool Step(const Met& met) override {
    if (ended_ || (options_.seeds > 0 && taken_ == options_.seeds + cases_.corpus())) return false;
    ++taken_;
    const std::string tape = cases_.Next(runner_);
    const std::optional<live::QueryFailure> failure = runner_.RunTape(tape);
    if (!failure) return true;
    ended_ = failure->fatal() && !runner_.target().own();
    findings::MetCase one;
    one.tape = tape;
    one.ops = 1;
    one.from = cases_.name();
    one.seed = options_.cases.seed;
    one.outcome = QueryCaseRunner::OutcomeOf(*failure);
    met(std::move(one));
    return true;
  }

  findings::CaseRunner& runner() override { return runner_; }

  void Aside(bool begins) override {
    const uint64_t sign = begins ? uint64_t(0) - 1 : 1;
    aside_requests_ += sign * counts().requests;
    aside_trees_ += sign * counts().trees;
    aside_refusals_ += sign * counts().refusals;
  }

  uint64_t Requests() const override { return counts().requests - aside_requests_; }

  std::string Line(const std::string& found, const findings::RunClock& clock) const override {
    return runner::Grouped(taken_) + " queries, " + runner::Grouped(trees()) + " trees and " +
           runner::Grouped(refusals()) + " refusals compared, " + found + ", " +
           clock.Rate(taken_, "queries");
  }

  std::string Summary() const override {
    return runner_.Rules() + "the server was started " + runner::Grouped(1 + counts().restarts) +
           " times\n";
  }

  Json Report() const override {
    Json json = runner_.Report();
    json["seed"] = options_.cases.seed;
    json["queries"] = taken_;
    json["requests"] = Requests();
    json["trees"] = trees();
    json["refusals"] = refusals();
    json["restarts"] = counts().restarts;
    return json;
  }

  std::string WhyVacuous() const override { return trees() == 0 ? "no tree was compared" : ""; }

 private:
  const live::QueryCounts& counts() const { return runner_.counts(); }
  uint64_t trees() const { return counts().trees - aside_trees_; }
  uint64_t refusals() const { return counts().refusals - aside_refusals_; }

  const CallVerbOptions& options_;
  QueryCaseRunner runner_;
  QueryCases cases_;
  uint64_t taken_ = 0;
  bool ended_ = false;
  // Spent on shrinking.
  uint64_t aside_requests_ = 0;
  uint64_t aside_trees_ = 0;
  uint64_t aside_refusals_ = 0;
};

}  // namespace

int CompareQueries(const CallVerbOptions& options) {
  const runner::Project project = runner::OpenProject();
  QuerySearch search(project, options);
  findings::CampaignOptions campaign;
  campaign.verb = "oracle --query";
  campaign.prefix = "oracle-" + search.runner().spec().server.profile + "-";
  campaign.seconds = options.seconds;
  campaign.requests = options.requests;
  campaign.stop_on_failure = options.stop_on_failure;
  campaign.shrink.candidates = options.shrink_candidates;
  campaign.shrink_seconds = findings::ShrinkSecondsOf(options.seconds);
  campaign.out = options.output.text_on_stdout() ? stdout : stderr;
  std::fputs(search.Begin().c_str(), campaign.out);
  return findings::Campaign(project, &search, campaign).Run(options.output);
}

}  // namespace resprobe::cli
