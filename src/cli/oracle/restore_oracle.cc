// oracle --restore: broken values for RESTORE, and calls on them, on a live server that is watched.

#include "cli/oracle/restore_oracle.h"

#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/oracle/live_runners.h"
#include "cli/oracle/restore_runner.h"
#include "findings/campaign.h"
#include "live/restore/restore_traffic.h"
#include "runner/case_file.h"
#include "runner/json.h"
#include "runner/output.h"
#include "runner/process.h"

namespace resprobe::cli {
namespace {

constexpr uint64_t kBatch = 32;
// sanitize-dump-payload is off for this many seeds, then on for seven times as many: without it a
// server ends so often that it is started most of the time.
constexpr uint64_t kSettingLasts = 8 * kBatch;
constexpr uint64_t kSettings = 8;

// Assertions at one place without sanitize-dump-payload.
struct ToleratedAssertion {
  uint64_t met = 0;
  uint64_t seed = 0;  // the first
};

// "assertion listpack.c:1314" of "assertion listpack.c:1314: lpNext|zzlNext": which way the server
// took to an assertion that it may have does not matter.
std::string PlaceOf(const std::string& detail) { return detail.substr(0, detail.find(": ")); }

class RestoreSearch : public findings::Search {
 public:
  RestoreSearch(const runner::Project& project, const CallVerbOptions& options)
      : options_(options),
        runner_(project,
                ToRunSpec(options.server, "restore", std::string(live::RestoreWorld::kName))) {
    std::vector<std::string> dumped;
    std::vector<std::string> strings;
    runner_.restore().ReadValues(&dumped, &strings);
    generator_ =
        std::make_unique<live::RestoreGenerator>(dumped, std::move(strings), runner_.target());
    dumped_ = dumped.size();
  }

  std::string Begin() const {
    const std::string profile(runner_.restore().profile());
    return runner_.spec().server.version + ", seed " + std::to_string(options_.cases.seed) + ": " +
           std::to_string(dumped_) + " values of the server, RDB version " +
           std::to_string(rdb_version_) + ", " +
           (profile.empty() ? "no profile of the core to compare it with"
                            : "verdicts compared with the core's profile " + profile) +
           "\n";
  }

  bool Step(const Met& met) override {
    if (ended_) return false;
    bool more = options_.seeds == 0 || taken_ < options_.seeds;
    // What values have done to a server that has not checked them may show much later, and must not
    // be blamed on those that it has checked.
    if (more && taken_ > 0 && Sanitizes(NextSeed()) && !Sanitizes(NextSeed() - 1) &&
        runner_.target().own() && runner_.restore().has_sanitize()) {
      if (sent_.empty() && !runner_.Prepare(/*fresh=*/true)) return true;
      more = sent_.empty();
    }
    if (more) sent_.push_back(NextBatch());
    if (sent_.empty()) return false;
    if (runner_.restore().stale()) {
      if (!runner_.Prepare()) return true;
      for (const Batch& batch : sent_) runner_.restore().Send(batch.cases);
    } else if (more) {
      runner_.restore().Send(sent_.back().cases);
    }
    // One batch ahead, so that the server works while the next one is made.
    if (more && sent_.size() < 2) return true;
    if (const auto suspects = runner_.restore().Receive()) {
      Examine(*suspects, met);
    } else if (!runner::Interrupted()) {
      sent_.pop_front();
    }
    return true;
  }

  findings::CaseRunner& runner() override { return runner_; }

  findings::SmallCase Reduce(const findings::MetCase& met,
                             const findings::ShrinkLimits& limits) override {
    findings::SmallCase small;
    if (!runner_.target().own()) return small;
    return Search::Reduce(met, limits);
  }

  void Aside(bool begins) override {
    const uint64_t sign = begins ? uint64_t(0) - 1 : 1;
    aside_payloads_ += sign * counts().payloads;
    aside_accepted_ += sign * counts().accepted;
    aside_requests_ += sign * counts().requests;
  }

  uint64_t Requests() const override { return counts().requests - aside_requests_; }

  std::string Line(const std::string& found, const findings::RunClock& clock) const override {
    return runner::Grouped(payloads()) + " payloads, " + runner::Grouped(accepted()) +
           " accepted, " + runner::Grouped(Requests()) + " requests, " + found + ", " +
           clock.Rate(payloads(), "payloads");
  }

  std::string Summary() const override {
    std::string text =
        "the server was started " + runner::Grouped(1 + counts().restarts) + " times\n";
    if (!runner_.restore().has_sanitize()) {
      text += "the server has no sanitize-dump-payload: all of this is its usual behaviour\n";
    }
    if (tolerated_.empty()) return text;
    uint64_t all = 0;
    for (const auto& [what, assertion] : tolerated_) all += assertion.met;
    text += "assertions without sanitize-dump-payload, which upstream tolerates: " +
            runner::Grouped(all) + "; with --assertions they are findings:\n";
    for (const auto& [what, assertion] : tolerated_) {
      text += "  " + runner::Grouped(assertion.met) + "  " + what + ", first from seed " +
              std::to_string(assertion.seed) + "\n";
    }
    return text;
  }

  Json Report() const override {
    Json json = {{"server", runner_.spec().server.version},
                 {"seed", options_.cases.seed},
                 {"payloads", payloads()},
                 {"accepted", accepted()},
                 {"compared", counts().compared},
                 {"requests", Requests()},
                 {"restarts", counts().restarts},
                 {"refusals", Json::object()},
                 {"assertions", Json::array()}};
    for (const auto& [error, count] : counts().refusals) {
      json["refusals"][runner::JsonText(error)] = count;
    }
    for (const auto& [what, assertion] : tolerated_) {
      json["assertions"].push_back(
          {{"what", runner::JsonText(what)}, {"met", assertion.met}, {"seed", assertion.seed}});
    }
    return json;
  }

  std::string WhyVacuous() const override { return accepted() == 0 ? "no value was accepted" : ""; }

 private:
  struct Batch {
    uint64_t first_seed = 0;
    std::unique_ptr<Arena> arena = std::make_unique<Arena>();
    std::vector<live::RestoreCase> cases;
  };

  static bool Sanitizes(uint64_t seed) { return seed / kSettingLasts % kSettings != 0; }
  uint64_t NextSeed() const { return options_.cases.seed + taken_; }

  // All with the same setting.
  Batch NextBatch() {
    Batch batch;
    batch.first_seed = NextSeed();
    const bool sanitize = Sanitizes(batch.first_seed);
    while (batch.cases.size() < kBatch && (options_.seeds == 0 || taken_ < options_.seeds) &&
           Sanitizes(NextSeed()) == sanitize) {
      generator_->Generate(NextSeed(), sanitize, batch.arena.get(), &batch.cases.emplace_back());
      ++taken_;
    }
    return batch;
  }

  // Runs the cases in flight alone, to find out which of them fails.
  void Examine(const live::RestoreRunner::Suspects& suspects, const Met& met) {
    Batch front = std::move(sent_.front());
    sent_.pop_front();
    const bool sanitize = front.cases[suspects.first].config.sanitize;
    // What is known by its crash report needs no second look; what the rest of the batch would have
    // shown, others will.
    if (!sanitize && suspects.assertion) {
      const auto known = tolerated_.find(PlaceOf(suspects.cause));
      if (known != tolerated_.end()) {
        ++known->second.met;
        return;
      }
    }
    if (const auto known = known_.find({suspects.cause, sanitize}); known != known_.end()) {
      findings::MetCase again;
      again.outcome.what.signature = runner::JsonText(known->second);
      return met(std::move(again));
    }
    bool found = false;
    // What has been read does not say how far the server was.
    std::vector<const Batch*> all = {&front};
    for (const Batch& batch : sent_) all.push_back(&batch);
    for (const Batch* batch : all) {
      const size_t first = batch == &front ? suspects.first : 0;
      for (size_t i = first; i < batch->cases.size() && !runner::Interrupted() && !ended_; ++i) {
        const std::optional<live::RestoreFailure> failure = runner_.Try(batch->cases[i]);
        if (!failure) continue;
        found = true;
        Tell(*failure, batch->cases[i], batch->first_seed + i, met);
      }
      if (found) break;
    }
    if (found || runner::Interrupted()) return;
    // Alone none of them fails: all that were in flight, as one case.
    live::RestoreCase joined;
    joined.config = front.cases[0].config;
    for (const live::RestoreCase& c : front.cases) {
      joined.ops.insert(joined.ops.end(), c.ops.begin(), c.ops.end());
    }
    std::optional<live::RestoreFailure> failure = runner_.Try(joined, runner_.target().own());
    if (!failure && !suspects.ended) return;  // it was only slow, perhaps
    if (!failure) {
      failure.emplace();
      failure->kind = suspects.assertion && !sanitize ? live::RestoreFailure::Kind::kAssertion
                                                      : live::RestoreFailure::Kind::kEnded;
      failure->detail = suspects.cause;
      failure->sanitize = sanitize;
    }
    Tell(*failure, joined, front.first_seed + suspects.first, met);
  }

  void Tell(const live::RestoreFailure& failure, const live::RestoreCase& c, uint64_t seed,
            const Met& met) {
    if (runner_.Tolerates(failure)) {
      ToleratedAssertion& assertion = tolerated_[PlaceOf(failure.detail)];
      if (assertion.met++ == 0) assertion.seed = seed;
      return;
    }
    if (failure.kind <= live::RestoreFailure::Kind::kAssertion) {
      known_[{failure.detail, failure.sanitize}] = failure.Signature();
    } else if (failure.kind == live::RestoreFailure::Kind::kHangs) {
      known_[{live::HangIn(failure.command), failure.sanitize}] = failure.Signature();
    }
    findings::MetCase one;
    one.tape = runner::TapeOf(c);
    one.ops = c.ops.size();
    one.from = "seed " + std::to_string(seed);
    one.seed = options_.cases.seed;
    one.outcome = RestoreCaseRunner::OutcomeOf(failure);
    ended_ = failure.fatal() && !runner_.target().own();
    met(std::move(one));
  }

  const live::RestoreCounts& counts() const { return runner_.counts(); }
  uint64_t payloads() const { return counts().payloads - aside_payloads_; }
  uint64_t accepted() const { return counts().accepted - aside_accepted_; }

  const CallVerbOptions& options_;
  RestoreCaseRunner runner_;
  uint16_t rdb_version_ = runner_.restore().rdb_version();
  std::unique_ptr<live::RestoreGenerator> generator_;
  size_t dumped_ = 0;
  std::deque<Batch> sent_;  // the last is in flight, and mostly the one before it
  uint64_t taken_ = 0;
  bool ended_ = false;
  std::map<std::string, ToleratedAssertion> tolerated_;
  // The signatures of ends that have been examined, by crash report and setting.
  std::map<std::pair<std::string, bool>, std::string> known_;
  // Spent on shrinking.
  uint64_t aside_payloads_ = 0;
  uint64_t aside_accepted_ = 0;
  uint64_t aside_requests_ = 0;
};

}  // namespace

int RestorePayloads(const CallVerbOptions& options) {
  const runner::Project project = runner::OpenProject();
  RestoreSearch search(project, options);
  findings::CampaignOptions campaign;
  campaign.verb = "oracle --restore";
  campaign.prefix = "restore-" + runner::Slug(search.runner().spec().server.version) + "-";
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
