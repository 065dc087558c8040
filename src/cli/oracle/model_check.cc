// model-check: runs the seed corpus and generated cases of `invalidation` on a live server with the
// model beside it.

#include <absl/strings/str_format.h>

#include <cstdio>
#include <utility>

#include "cli/oracle/live_runners.h"
#include "cli/output_options.h"
#include "cli/profile_option.h"
#include "cli/verbs.h"
#include "findings/campaign.h"
#include "runner/json.h"
#include "runner/seed_cases.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

// Starting a process takes as long as ten cases.
constexpr uint64_t kRestartEvery = 16;

struct ModelCheckOptions {
  LiveOptions server;
  uint64_t seed = 1;
  uint64_t seeds = 0;  // 0: until the time is over
  double seconds = 0;  // 0: until the seeds are done
  runner::OutputOptions output;
};

class ModelSearch : public findings::Search {
 public:
  ModelSearch(const runner::Project& project, const ModelCheckOptions& options)
      : options_(options),
        runner_(project, ToRunSpec(options.server, "model", "invalidation"), kRestartEvery),
        cases_(project, options.seed) {}

  bool Step(const Met& met) override {
    if (options_.seeds > 0 && ran_ == options_.seeds + cases_.corpus()) return false;
    const InvalidationCase& c = cases_.Next();
    ++ran_;
    ops_ += c.ops.size();
    findings::CaseOutcome outcome = runner_.RunCase(c);
    if (!outcome.failed()) return true;
    findings::MetCase one;
    one.tape = runner::TapeOf(c);
    one.ops = c.ops.size();
    one.from = cases_.name();
    one.seed = options_.seed;
    one.outcome = std::move(outcome);
    met(std::move(one));
    return true;
  }

  findings::CaseRunner& runner() override { return runner_; }

  std::string Line(const std::string& found, const findings::RunClock& clock) const override {
    return runner::Grouped(ran_) + " cases, " + runner::Grouped(ops_) + " ops, " + found + ", " +
           clock.Rate(ran_, "cases");
  }
  std::string Summary() const override {
    const live::PairedServer& pair = runner_.session().pair();
    return Describe(pair.counts(), pair.sets_clock());
  }
  Json Report() const override {
    Json json = runner_.Report();
    json["seed"] = options_.seed;
    json["cases"] = ran_;
    json["ops"] = ops_;
    return json;
  }

 private:
  const ModelCheckOptions& options_;
  ModelCaseRunner runner_;
  runner::SeedCases<InvalidationWorld> cases_;
  uint64_t ran_ = 0;  // cases
  uint64_t ops_ = 0;
};

int RunModelCheck(const ModelCheckOptions& options) {
  const runner::Project project = runner::OpenProject();
  ModelSearch search(project, options);
  const findings::ServerSpec& server = search.runner().spec().server;
  findings::CampaignOptions campaign;
  campaign.verb = "model-check";
  campaign.noun = "difference";
  campaign.prefix = "model-" + server.profile + "-";
  campaign.seconds = options.seconds;
  campaign.out = options.output.text_on_stdout() ? stdout : stderr;
  absl::FPrintF(campaign.out, "%s against the profile %s, seed %d\n", server.version,
                server.profile, options.seed);
  return findings::Campaign(project, &search, campaign).Run(options.output);
}

}  // namespace

Verb ModelCheckVerb() {
  const auto options = std::make_shared<ModelCheckOptions>();
  Verb verb("model-check", "compare the core with a live server: pushes and clock too");
  verb.details =
      "Cases of the harness invalidation run over connections to the server, with the core beside "
      "it: its seed corpus and regressions, then generated ones. Each reply and push is compared. "
      "Without --seeds and --time: 30 seconds.\n"
      "Differences are minimized and go to work/findings/invalidation/model-….\n"
      "The old spelling is ./resprobe invalidate --model-check.";
  verb.examples = {{"model-check --start valkey-server --time 60s", "compares for a minute"},
                   {"model-check --server 127.0.0.1:6379 --flush --seeds 500",
                    "compares 500 cases with a running server, and deletes its keys"}};
  verb.exit_codes = "0 no difference, 1 a difference, 2 wrong use, 130 interrupted.";
  options->server.server.AddTo(&verb, {.required = true});
  AddProfile(&verb, &options->server.profile, "the core");
  verb.Number("--seeds", "N", &options->seeds, 1, UINT64_MAX / 2, "N generated cases");
  verb.Time("--time", &options->seconds, "30s, 5m, 1h; what shrinking takes is not counted");
  verb.Number("--seed", "S", &options->seed, 0, UINT64_MAX, "The first generated case")
      .ShowDefault();
  AddReportOptions(&verb, &options->output);
  AddWatchOption(&verb, &options->output);
  verb.run = [=] {
    options->output.Check();
    if (options->seconds == 0 && options->seeds == 0) options->seconds = 30;
    return RunModelCheck(*options);
  };
  return verb;
}

}  // namespace resprobe::cli
