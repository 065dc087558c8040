// oracle: the core and a live server, reply for reply.

#include <algorithm>
#include <cstdio>
#include <memory>

#include "cli/oracle/oracle_cases.h"
#include "cli/oracle/oracle_session.h"
#include "cli/oracle/robustness_session.h"
#include "cli/output_options.h"
#include "cli/verbs.h"
#include "findings/live_run.h"
#include "runner/json.h"
#include "runner/user_error.h"
#include "runner/whole_number.h"

namespace resprobe::cli {
namespace {

constexpr size_t kCandidates = 3000;

using OracleVerbOptions = CallVerbOptions;

class OracleRunner {
 public:
  explicit OracleRunner(const OracleVerbOptions& options)
      : options_(options),
        server_(options.server),
        cases_(project_, options.cases),
        out_(options.output.text_on_stdout() ? stdout : stderr),
        findings_(project_, out_,
                  {.noun = "difference",
                   .harness = "command_handler",
                   .prefix = "oracle-" + std::string(server_.profile()),
                   .server = options.server.Typed()}) {}

  int Run() {
    std::fprintf(out_, "%s against the profile %.*s, seed %llu\n",
                 server_.target().version().c_str(), static_cast<int>(server_.profile().size()),
                 server_.profile().data(), static_cast<unsigned long long>(options_.cases.seed));
    if (!server_.target().active_expiry_off()) {
      std::fprintf(out_,
                   "its active expiry cannot be switched off (DEBUG is not permitted): what counts "
                   "expired keys may differ\n");
    }
    const uint64_t all = options_.seeds + cases_.corpus();
    for (uint64_t i = 0; (options_.seeds == 0 || i < all) && !Interrupted() && !server_.gone();
         ++i) {
      if (options_.seconds > 0 && clock_.Seconds() >= options_.seconds) break;
      if (options_.requests > 0 && requests() >= options_.requests) break;
      if (const auto difference = server_.RunAhead(cases_.Next())) Examine(*difference);
      if (clock_.LineDue()) Line();
    }
    if (!server_.gone()) {
      if (const auto difference = server_.CatchUp()) Examine(*difference);
    }
    if (server_.gone() && !Interrupted()) {
      std::fprintf(out_, "the run ends here, since the server does not come back: %s\n",
                   server_.why_gone().c_str());
    }
    Sum();
    if (options_.output.json()) options_.output.Write(Report());
    return findings_.ExitCode();
  }

 private:
  // Which of the cases under way differs, and from what on, shows when each is run by itself.
  void Examine(const live::Difference& difference) {
    bool found = false;
    const uint64_t suspects = server_.gone() ? 0 : difference.suspects;
    cases_.Back(suspects);
    for (uint64_t i = 0; i < suspects; ++i) {
      const CommandCase& c = cases_.Next();
      if (const auto own = server_.Run(c)) {
        Add(*own, c);
        found = true;
        if (server_.gone()) return;
      }
    }
    if (found) return;
    // It takes the cases before it, too; or nobody can tell.
    cases_.Back(difference.cases_ago + 1);
    Add(difference, cases_.Next());
    for (uint64_t i = 0; i < difference.cases_ago; ++i) cases_.Next();
  }

  void Line() {
    std::fprintf(out_, "%s cases, %s requests compared, and %s of what they left, %s, %s\n",
                 Grouped(counts().cases).c_str(), Grouped(requests()).c_str(),
                 Grouped(state()).c_str(), findings_.Count().c_str(),
                 clock_.Rate(requests() + state(), "comparisons").c_str());
    std::fflush(out_);
  }
  const live::OracleCounts& counts() const { return server_.oracle().counts(); }
  // Those of shrinking are left out.
  uint64_t requests() const { return counts().requests - shrinking_requests_; }
  uint64_t state() const { return counts().state - shrinking_state_; }

  void Add(live::Difference difference, const CommandCase& c) {
    const std::string signature = difference.Signature();
    if (findings_.MetBefore(signature)) return;
    const RunClock::Pause pause(&clock_);
    const uint64_t requests_before = counts().requests;
    const uint64_t state_before = counts().state;
    const std::string tape = TapeOf(c);
    std::vector<LiveFindings::File> seen;
    if (difference.fatal) seen.push_back({"server.log", server_.last_log()});
    LiveFinding& finding = findings_.Begin(signature, cases_.name(), tape, seen);
    finding.ops_before = c.ops.size();
    Arena arena;
    CommandCase small;
    DecodeCase(tape, &arena, &small);
    finding.candidates = server_.Shrink(signature, kCandidates, &arena, &small);
    bool reproduced = false;
    if (!server_.gone()) {
      const auto again = server_.Run(small);
      reproduced = again && again->Signature() == signature;
      if (reproduced) difference = *again;
    }
    finding.ops_after = small.ops.size();
    if (!reproduced) {
      finding.text = Interrupted() ? "  interrupted before it was shown again\n"
                                   : "  the case by itself did not show it again\n";
    }
    finding.text += Describe(difference);
    finding.report = ToJson(difference);
    finding.report["reproduced"] = reproduced;
    finding.report["reply"] = JsonText(difference.server);
    finding.report["server"] = server_.target().version();
    finding.report["profile"] = std::string(server_.profile());
    findings_.End(finding, TapeOf(small), Print(small),
                  {{"redis-cli.txt", Session(difference.session)}});
    shrinking_requests_ += counts().requests - requests_before;
    shrinking_state_ += counts().state - state_before;
  }

  void Sum() {
    Line();
    std::fprintf(
        out_, "%zu commands; replies that a server may choose freely:", counts().commands.size());
    const char* separator = "";
    for (size_t i = 0; i < live::kFreedoms; ++i) {
      const uint64_t used = server_.oracle().freedoms()[i];
      if (used == 0) continue;
      std::fprintf(out_, "%s %.*s %s", separator,
                   static_cast<int>(live::FreedomName(static_cast<live::Freedom>(i)).size()),
                   live::FreedomName(static_cast<live::Freedom>(i)).data(), Grouped(used).c_str());
      separator = ",";
    }
    std::fprintf(out_, "%s\n", *separator == '\0' ? " none" : "");
    for (const auto& [reason, count] : counts().left_out) {
      std::fprintf(out_, "left out, %s: %s\n", reason.c_str(), Grouped(count).c_str());
    }
    findings_.Sum();
  }

  Json Report() const {
    Json json = {{"server", server_.target().version()},
                 {"profile", std::string(server_.profile())},
                 {"seed", options_.cases.seed},
                 {"cases", counts().cases},
                 {"requests", requests()},
                 {"state", state()},
                 {"seconds", clock_.Seconds()},
                 {"interrupted", Interrupted()},
                 {"compared", Json::object()},
                 {"left_out", Json::object()},
                 {"options", Json::object()},
                 {"normalized", Json::object()},
                 {"differences", findings_.ToJson()}};
    for (const auto& [command, counted] : counts().commands) {
      const std::string name(command == nullptr ? "unknown command" : command->full_name());
      json["compared"][name] = counted.requests;
      for (const auto& [option, count] : counted.options) {
        if (count > 0) json["options"][name][option] = count;
      }
    }
    for (const auto& [reason, count] : counts().left_out) json["left_out"][reason] = count;
    for (size_t i = 0; i < live::kFreedoms; ++i) {
      const uint64_t used = server_.oracle().freedoms()[i];
      if (used > 0) {
        json["normalized"][std::string(live::FreedomName(static_cast<live::Freedom>(i)))] = used;
      }
    }
    return json;
  }

  const OracleVerbOptions& options_;
  const Project project_ = OpenProject();
  OracleSession server_;
  OracleCases cases_;
  std::FILE* out_;
  LiveFindings findings_;
  RunClock clock_;
  uint64_t shrinking_requests_ = 0;
  uint64_t shrinking_state_ = 0;
};

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
      "(work/findings/command_handler/unmodelled-…).";
  verb.examples = {{"oracle --start redis-server --time 1m", "compares for a minute"},
                   {"oracle --server 127.0.0.1:6379 --flush --groups string,list",
                    "compares commands of two groups on a running server, and deletes its keys"},
                   {"oracle --start valkey-server --unmodelled --seeds 1000",
                    "calls what the core does not have"}};
  verb.exit_codes = "0 no difference, 1 a difference, 2 wrong use, 130 interrupted.";
  options->server.AddTo(&verb);
  verb.Group("How long");
  verb.Number("--seeds", "N", &options->seeds, 1, UINT64_MAX / 2, "N generated cases");
  verb.Number("--requests", "N", &options->requests, 1, UINT64_MAX / 2,
              "Until N requests were compared");
  verb.Time("--time", &options->seconds, "30s, 5m, 1h; what shrinking takes is not counted");
  verb.Group("Which cases");
  verb.Number("--seed", "N", &options->cases.seed, 0, UINT64_MAX / 2, "The first generated case")
      .ShowDefault();
  verb.Number("--ops", "N", &options->cases.ops, 1, 100'000,
              "Ops in each generated case; default: it varies");
  verb.Text("--groups", "GROUP,…", groups.get(), "Only commands of these groups: string,list,…")
      .Check([](const std::string& text) { return text.empty() ? "it names no group" : ""; });
  verb.Choice("--protocol", {"2", "3", "both"}, &options->cases.protocol,
              "The protocol that clients begin with")
      .ShowDefault();
  AddOutputOptions(&verb, &options->output);
  verb.run = [=] {
    options->output.Check();
    options->server.server.Require("oracle");
    if (options->server.unmodelled && options->requests > 0) {
      throw UserError(
          "--requests counts what is compared: with --unmodelled use --seeds or --time");
    }
    if (options->seconds == 0 && options->seeds == 0 && options->requests == 0) {
      options->seconds = 30;
    }
    options->cases.groups = SplitList(*groups);
    return options->server.unmodelled ? CallUnmodelled(*options) : OracleRunner(*options).Run();
  };
  return verb;
}

}  // namespace resprobe::cli
