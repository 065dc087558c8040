// oracle: compares the core and a live server, reply by reply.

#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>

#include "cli/oracle/live_runners.h"
#include "cli/oracle/oracle_cases.h"
#include "cli/oracle/oracle_session.h"
#include "cli/oracle/query_oracle.h"
#include "cli/oracle/robustness_session.h"
#include "cli/output_options.h"
#include "cli/verbs.h"
#include "findings/campaign.h"
#include "runner/json.h"
#include "runner/user_error.h"
#include "runner/whole_number.h"

namespace resprobe::cli {
namespace {

using OracleVerbOptions = CallVerbOptions;

// Cases of command_handler, sent ahead of the server's replies.
class OracleSearch : public findings::Search {
 public:
  OracleSearch(const runner::Project& project, const OracleVerbOptions& options)
      : options_(options),
        runner_(project, ToRunSpec(options.server, "oracle", std::string(CommandWorld::kName))),
        session_(runner_.session()),
        cases_(project, options.cases) {}

  bool Step(const Met& met) override {
    if (session_.gone())
      throw runner::UserError("the server does not come back: " + session_.why_gone());
    if (options_.seeds > 0 && taken_ == options_.seeds + cases_.corpus()) return false;
    ++taken_;
    if (const auto difference = session_.RunAhead(cases_.Next())) Examine(*difference, met);
    return true;
  }

  void Drain(const Met& met) override {
    if (session_.gone()) return;
    if (const auto difference = session_.CatchUp()) Examine(*difference, met);
  }

  findings::CaseRunner& runner() override { return runner_; }

  findings::SmallCase Reduce(const findings::MetCase& met,
                             const findings::ShrinkLimits& limits) override {
    if (session_.gone()) return {};
    return Search::Reduce(met, limits);
  }

  void Aside(bool begins) override {
    const uint64_t sign = begins ? uint64_t(0) - 1 : 1;
    aside_requests_ += sign * counts().requests;
    aside_state_ += sign * counts().state;
  }

  uint64_t Requests() const override { return counts().requests - aside_requests_; }

  std::string Begin() const {
    std::string text = runner_.spec().server.version + " against the profile " +
                       runner_.spec().server.profile + ", seed " +
                       std::to_string(options_.cases.seed) + "\n";
    if (!session_.target().active_expiry_off()) {
      text +=
          "its active expiry cannot be switched off (DEBUG is not permitted): what counts expired "
          "keys may differ\n";
    }
    return text;
  }

  std::string Line(const std::string& found, const findings::RunClock& clock) const override {
    return runner::Grouped(counts().cases) + " cases, " + runner::Grouped(Requests()) +
           " requests compared, and " + runner::Grouped(state()) + " of what they left, " + found +
           ", " + clock.Rate(Requests() + state(), "comparisons");
  }

  std::string Summary() const override {
    std::string text = std::to_string(counts().commands.size()) +
                       " commands; replies that a server may choose freely:";
    const char* separator = " ";
    for (size_t i = 0; i < live::kFreedoms; ++i) {
      const uint64_t used = session_.oracle().freedoms()[i];
      if (used == 0) continue;
      text += separator + std::string(live::FreedomName(static_cast<live::Freedom>(i))) + " " +
              runner::Grouped(used);
      separator = ", ";
    }
    text += *separator == ' ' ? " none\n" : "\n";
    return text + LeftOutText(counts(), options_.verbose, "--verbose");
  }

  Json Report() const override {
    Json json = {{"server", runner_.spec().server.version},
                 {"profile", runner_.spec().server.profile},
                 {"seed", options_.cases.seed},
                 {"cases", counts().cases},
                 {"requests", Requests()},
                 {"state", state()},
                 {"compared", Json::object()},
                 {"left_out", Json::object()},
                 {"options", Json::object()},
                 {"normalized", Json::object()}};
    for (const auto& [command, counted] : counts().commands) {
      const std::string name(command == nullptr ? "unknown command" : command->full_name());
      json["compared"][name] = counted.requests;
      for (const auto& [option, count] : counted.options) {
        if (count > 0) json["options"][name][option] = count;
      }
    }
    for (const auto& [reason, count] : counts().left_out) json["left_out"][reason] = count;
    for (size_t i = 0; i < live::kFreedoms; ++i) {
      const uint64_t used = session_.oracle().freedoms()[i];
      if (used > 0) {
        json["normalized"][std::string(live::FreedomName(static_cast<live::Freedom>(i)))] = used;
      }
    }
    return json;
  }

 private:
  // Reruns the cases in flight one by one to find out which of them differs, and from which request
  // on.
  void Examine(const live::Difference& difference, const Met& met) {
    bool found = false;
    const uint64_t suspects = session_.gone() ? 0 : difference.suspects;
    cases_.Back(suspects);
    for (uint64_t i = 0; i < suspects; ++i) {
      const CommandCase& c = cases_.Next();
      if (const auto own = session_.Run(c)) {
        Tell(*own, c, met);
        found = true;
        if (session_.gone()) return;
      }
    }
    if (found) return;
    // It depends on the cases before it, or the cause is unknown.
    cases_.Back(difference.cases_ago + 1);
    Tell(difference, cases_.Next(), met);
    for (uint64_t i = 0; i < difference.cases_ago; ++i) cases_.Next();
  }

  void Tell(const live::Difference& difference, const CommandCase& c, const Met& met) const {
    findings::MetCase one;
    one.tape = runner::TapeOf(c);
    one.ops = c.ops.size();
    one.from = cases_.name();
    one.seed = options_.cases.seed;
    one.outcome = runner_.OutcomeOf(difference);
    if (difference.fatal) one.outcome.files["server.log"] = session_.last_log();
    met(std::move(one));
  }

  const live::OracleCounts& counts() const { return session_.oracle().counts(); }
  uint64_t state() const { return counts().state - aside_state_; }

  const OracleVerbOptions& options_;
  OracleCaseRunner runner_;
  OracleSession& session_;
  OracleCases cases_;
  uint64_t taken_ = 0;
  // Spent on shrinking.
  uint64_t aside_requests_ = 0;
  uint64_t aside_state_ = 0;
};

int RunOracle(const OracleVerbOptions& options) {
  const runner::Project project = runner::OpenProject();
  OracleSearch search(project, options);
  findings::CampaignOptions campaign;
  campaign.verb = "oracle";
  campaign.noun = "difference";
  campaign.prefix = "oracle-" + search.runner().spec().server.profile + "-";
  campaign.seconds = options.seconds;
  campaign.requests = options.requests;
  campaign.out = options.output.text_on_stdout() ? stdout : stderr;
  std::fputs(search.Begin().c_str(), campaign.out);
  return findings::Campaign(project, &search, campaign).Run(options.output);
}

}  // namespace

Verb OracleVerb() {
  const auto options = std::make_shared<OracleVerbOptions>();
  const auto groups = std::make_shared<std::string>();
  Verb verb("oracle", "compare the core with a live server, reply for reply");
  verb.details =
      "Cases are those of command_handler: its seed corpus and regressions, then generated ones. "
      "What differs is minimized and filed.\n"
      "A run deletes the keys of the server, and does not begin where there are any (--flush). "
      "Without --seeds, --requests and --time: 30 seconds.\n"
      "Differences go to work/findings/command_handler/oracle-…: the minimized case, its text, the "
      "lines for redis-cli, report.json, the log of a server that ended.\n"
      "With --unmodelled the server is not compared but watched: commands that the core does not "
      "have are called as the server's COMMAND DOCS say, with hostile values; a server that ends, "
      "hangs, takes too much memory or breaks the protocol is a finding "
      "(work/findings/command_handler/unmodelled-…).\n"
      "With --query the server is a RediSearch 1.2: queries of query_parser are sent to FT.EXPLAIN "
      "and FT.SEARCH, and what is accepted, and its tree, is compared with the core's parser "
      "(work/findings/query_parser/oracle-search-1.2-…).";
  verb.examples = {{"oracle --start redis-server --time 1m", "compares for a minute"},
                   {"oracle --server 127.0.0.1:6379 --flush --groups string,list",
                    "compares commands of two groups on a running server, and deletes its keys"},
                   {"oracle --query --start 'redis-server --loadmodule redisearch.so' --time 1m",
                    "compares the query parser with RediSearch 1.2"},
                   {"oracle --start valkey-server --unmodelled --seeds 1000",
                    "calls what the core does not have"}};
  verb.exit_codes = "0 no difference, 1 a difference, 2 wrong use, 130 interrupted.";
  options->server.AddTo(&verb, {.required = true});
  verb.Flag("--query", &options->server.query,
            "Compare the core's query parser with RediSearch, tree by tree")
      .Excludes("--unmodelled")
      .Excludes("--profile")
      .Excludes("--groups")
      .Excludes("--ops")
      .Excludes("--protocol");
  verb.Group("How long");
  verb.Number("--seeds", "N", &options->seeds, 1, UINT64_MAX / 2, "N generated cases");
  verb.Number("--requests", "N", &options->requests, 1, UINT64_MAX / 2,
              "Until N requests were compared")
      .Excludes("--unmodelled");
  verb.Time("--time", &options->seconds, "30s, 5m, 1h; what shrinking takes is not counted");
  verb.Group("Which cases");
  verb.Number("--seed", "N", &options->cases.seed, 0, UINT64_MAX / 2, "The first generated case")
      .ShowDefault();
  verb.Number("--ops", "N", &options->cases.ops, 1, 100'000,
              "Ops in each generated case; default: it varies");
  verb.Text("--groups", "GROUP,…", groups.get(), "Only commands of these groups: string,list,…")
      .NotBlank("it names no group: give some, such as string,list");
  verb.Choice("--protocol", {"2", "3", "both"}, &options->cases.protocol,
              "The protocol that clients begin with")
      .ShowDefault();
  verb.Flag("--verbose", &options->verbose,
            "List at the end why requests were left out, and how many for each reason")
      .Excludes("--unmodelled");
  AddOutputOptions(&verb, &options->output);
  verb.run = [=] {
    options->output.Check();
    if (options->seconds == 0 && options->seeds == 0 && options->requests == 0) {
      options->seconds = 30;
    }
    options->cases.groups = SplitList(*groups);
    if (options->server.query) return CompareQueries(*options);
    return options->server.unmodelled ? CallUnmodelled(*options) : RunOracle(*options);
  };
  return verb;
}

}  // namespace resprobe::cli
