// client: any client, in any language, against an evil peer.

#include <absl/strings/str_format.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "cli/client/client_runner.h"
#include "cli/output_options.h"
#include "cli/verbs.h"
#include "engine/generate.h"
#include "findings/campaign.h"
#include "findings/shrink_budget.h"
#include "runner/case_file.h"
#include "runner/json.h"
#include "runner/project.h"
#include "runner/text.h"

namespace resprobe::cli {
namespace {

using World = live::ClientLiveWorld;

struct ClientOptions {
  std::string driver;
  int64_t seed = 1;
  int64_t seeds = 0;  // 0: no limit
  double seconds = 0;
  bool stop_on_failure = false;
  int64_t shrink_candidates = 400;
  runner::OutputOptions output;
};

class ClientSearch : public findings::Search {
 public:
  ClientSearch(const runner::Project& project, const ClientOptions& options)
      : options_(options), runner_(project, SpecOf(options)) {}

  bool Step(const Met& met) override {
    if (options_.seeds > 0 && cases_ == options_.seeds) return false;
    const int64_t seed = options_.seed + cases_++;
    arena_.Reset();
    Case<World> c;
    Generate(static_cast<uint64_t>(seed), &arena_, &c);
    findings::CaseOutcome outcome = runner_.RunOnce(c, Trace::Mode::kOff);
    if (!outcome.failed()) return true;
    findings::MetCase one;
    one.tape = runner::TapeOf(c);
    one.ops = c.ops.size();
    one.from = "seed " + std::to_string(seed);
    one.seed = static_cast<uint64_t>(seed);
    one.outcome = std::move(outcome);
    met(std::move(one));
    return true;
  }

  findings::CaseRunner& runner() override { return runner_; }
  bool MustRecur(const findings::CaseOutcome& /*outcome*/) const override { return true; }

  std::string Line(const std::string& found, const findings::RunClock& clock) const override {
    return runner::Grouped(static_cast<uint64_t>(cases_)) + " cases, " +
           clock.Rate(counts().commands, "commands") + ", " + found;
  }

  std::string Summary() const override {
    std::string text = absl::StrFormat("%s: %d cases, %d connections, %d commands, %d replies",
                                       runner_.world().client(), cases_, counts().connections,
                                       counts().commands, counts().replies);
    for (const auto& [kind, times] : counts().errors) {
      text += absl::StrFormat(", %d %s", times, kind);
    }
    text += "\ntoxics that acted:";
    for (size_t i = 0; i < kToxicKinds; ++i) {
      if (counts().fired[i] == 0) continue;
      text += absl::StrFormat(" %s %d", ToxicNames()[i], counts().fired[i]);
    }
    text += "\n";
    for (const auto& [what, times] : counts().left_out) {
      text += absl::StrFormat("left out, since the driver cannot: %s, %d times\n", what, times);
    }
    return text;
  }

  Json Report() const override {
    Json fired = Json::object();
    for (size_t i = 0; i < kToxicKinds; ++i) {
      if (counts().fired[i] > 0) fired[std::string(ToxicNames()[i])] = counts().fired[i];
    }
    return {{"driver", options_.driver},
            {"client", runner_.world().client()},
            {"seed", options_.seed},
            {"cases", cases_},
            {"commands", counts().commands},
            {"replies", counts().replies},
            {"errors", counts().errors},
            {"other_errors", counts().others},
            {"left_out", counts().left_out},
            {"connections", counts().connections},
            {"toxics", fired}};
  }

  std::string WhyVacuous() const override {
    return counts().replies > 0 ? "" : "the client has got no reply at all";
  }

 private:
  static findings::RunSpec SpecOf(const ClientOptions& options) {
    findings::RunSpec spec;
    spec.runner = "client";
    spec.harness = std::string(World::kName);
    spec.options["driver"] = options.driver;
    return spec;
  }
  const World::Counts& counts() const { return runner_.world().totals(); }

  const ClientOptions& options_;
  ClientCaseRunner runner_;
  Arena arena_;
  int64_t cases_ = 0;
};

int RunClient(ClientOptions& options) {
  options.output.Check();
  if (options.seconds == 0 && options.seeds == 0) options.seconds = 30;
  const runner::Project project = runner::OpenProject();
  ClientSearch search(project, options);
  findings::CampaignOptions campaign;
  campaign.verb = "client";
  campaign.prefix = "client-";
  campaign.seconds = options.seconds;
  campaign.stop_on_failure = options.stop_on_failure;
  campaign.ends_in_time = true;
  // Of a finding that is met early, no more than half of this.
  campaign.shrink_seconds = findings::ShortShrinkSecondsOf(options.seconds / 2);
  campaign.shrink.candidates = static_cast<uint64_t>(options.shrink_candidates);
  campaign.out = options.output.text_on_stdout() ? stdout : stderr;
  return findings::Campaign(project, &search, campaign).Run(options.output);
}

}  // namespace

Verb ClientVerb() {
  const auto options = std::make_shared<ClientOptions>();
  Verb verb("client", "any client, in any language, against an evil peer");
  verb.details =
      "A driver is a small program that uses a client library as it is told to, in lines of JSON "
      "on its standard input and output: docs/client-drivers.md; drivers/ has some. The client "
      "connects to an evil peer on a port of this machine, which slices, delays, resets, edits. "
      "What is judged is what a client owes its caller: its own reply, once, a true error, no "
      "hang, nothing sent twice. A case that fails is made small and filed.";
  verb.examples = {
      {"client --driver 'python3 drivers/redis_py.py' --time 60s", "redis-py"},
      {"client --driver 'python3 drivers/redis_py.py' --seeds 100", "the first hundred cases"}};
  verb.exit_codes = "0 the client keeps its contract, 1 it does not, 2 wrong use.";
  verb.Text("--driver", "COMMAND", &options->driver, "The command that starts the driver")
      .Required();
  verb.Group("How long");
  verb.Time(
      "--time", &options->seconds,
      "30s, 5m, 1h. Findings are made small within it; what is left of that at the end takes at "
      "most 10 s");
  verb.Number("--seeds", "N", &options->seeds, 1, INT32_MAX, "This many cases");
  verb.Number("--seed", "N", &options->seed, 0, INT32_MAX, "The first case").ShowDefault();
  verb.Flag("--stop-on-failure", &options->stop_on_failure, "End after the first finding");
  verb.Number("--shrink", "N", &options->shrink_candidates, 0, 1'000'000,
              "Smaller cases that are tried for each finding")
      .ShowDefault();
  verb.Group("");
  AddReportOptions(&verb, &options->output);
  AddWatchOption(&verb, &options->output);
  verb.run = [=] { return RunClient(*options); };
  return verb;
}

}  // namespace resprobe::cli
