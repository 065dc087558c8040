// oracle: compares the core and a live server, reply by reply.

#include <cstdio>
#include <initializer_list>
#include <memory>
#include <string>

#include "cli/oracle/oracle_cases.h"
#include "cli/oracle/oracle_report.h"
#include "cli/oracle/oracle_search.h"
#include "cli/oracle/query_oracle.h"
#include "cli/oracle/restore_oracle.h"
#include "cli/oracle/robustness_session.h"
#include "cli/output_options.h"
#include "cli/verbs.h"
#include "findings/campaign.h"
#include "runner/files.h"
#include "runner/json.h"
#include "runner/process.h"
#include "runner/user_error.h"
#include "runner/whole_number.h"

namespace resprobe::cli {
namespace {

int RunOracle(const OracleVerbOptions& options) {
  const runner::Project project = runner::OpenProject();
  CheckCaseOptions(options.cases);
  for (const std::string& file : {options.junit, options.write_accept}) {
    if (!file.empty()) runner::CheckWritable(file);
  }
  OracleSearch search(project, options);
  findings::CampaignOptions campaign;
  campaign.verb = "oracle";
  campaign.noun = "difference";
  campaign.prefix = "oracle-" + search.runner().spec().server.profile + "-";
  campaign.seconds = options.seconds;
  campaign.requests = options.requests;
  campaign.stop_on_failure = options.stop_on_failure;
  campaign.shrink.candidates = options.shrink_candidates;
  campaign.shrink_seconds = findings::ShrinkSecondsOf(options.seconds);
  campaign.known_fails = options.fail_on == "any";
  campaign.out = options.output.text_on_stdout() ? stdout : stderr;
  std::fputs(search.Begin().c_str(), campaign.out);
  findings::Campaign run(project, &search, campaign);
  const int code = run.Run(
      options.output, [&](report::Report* report) { AddCommands(options, search, run, report); });
  if (!options.write_accept.empty()) WriteAccepted(options, search, run);
  if (!options.junit.empty()) WriteJunit(options, search, run);
  return code;
}

}  // namespace

Verb OracleVerb() {
  const auto options = std::make_shared<OracleVerbOptions>();
  const auto groups = std::make_shared<std::string>();
  const auto commands = std::make_shared<std::string>();
  const auto without = std::make_shared<std::string>();
  const auto resp2 = std::make_shared<bool>(false);
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
      "(work/findings/query_parser/oracle-search-1.2-…).\n"
      "With --restore the server's own values are dumped, broken in a thousand ways, and given "
      "back "
      "to it by RESTORE, with sanitize-dump-payload and without; then commands of their type are "
      "called. A server that ends, hangs, takes too much memory or breaks the protocol is a "
      "finding "
      "(work/findings/restore/restore-…); its own assertions without sanitize-dump-payload are "
      "counted.\n"
      "With --check-tools broken RDB and append-only files are given to the server's "
      "redis-check-rdb "
      "and redis-check-aof: one that crashes or hangs, or repairs a file by cutting more than it "
      "must, is a finding (work/findings/check_tools/check-…).";
  verb.examples = {{"oracle --start redis-server --time 1m", "compares for a minute"},
                   {"oracle --server 127.0.0.1:6379 --flush --groups string,list",
                    "compares commands of two groups on a running server, and deletes its keys"},
                   {"oracle --query --start 'redis-server --loadmodule redisearch.so' --time 1m",
                    "compares the query parser with RediSearch 1.2"},
                   {"oracle --start valkey-server --restore --time 5m",
                    "gives a server broken values for five minutes"},
                   {"oracle --start valkey-server --unmodelled --seeds 1000",
                    "calls what the core does not have"}};
  verb.exit_codes = "0 no difference, 1 a difference, 2 wrong use, 130 interrupted.";
  options->server.AddTo(&verb, {.required = true, .sandbox = true});
  const auto not_with = [](Option& option, std::initializer_list<const char*> others) -> Option& {
    for (const char* other : others) option.Excludes(other);
    return option;
  };
  // What only the compared oracle has.
  const auto compared = [&](Option& option) -> Option& {
    return not_with(option, {"--unmodelled", "--query", "--restore", "--check-tools"});
  };
  verb.Flag("--query", &options->server.query,
            "Compare the core's query parser with RediSearch, tree by tree")
      .Excludes("--sandbox")
      .Excludes("--unmodelled")
      .Excludes("--profile");
  verb.Flag("--restore", &options->server.restore,
            "Give the server broken values by RESTORE, and watch it")
      .Excludes("--sandbox")
      .Excludes("--unmodelled")
      .Excludes("--query")
      .Excludes("--profile");
  verb.Flag("--assertions", &options->server.assertions,
            "With --restore: an assertion of the server is a finding without sanitize-dump-payload "
            "too")
      .Needs("--restore");
  verb.Flag("--check-tools", &options->server.check_tools,
            "Give broken files to the programs that check and repair those of the server")
      .Excludes("--sandbox")
      .Excludes("--restore")
      .Excludes("--unmodelled")
      .Excludes("--query")
      .Excludes("--profile");
  verb.Group("How long");
  verb.Number("--seeds", "N", &options->seeds, 1, UINT64_MAX / 2, "N generated cases");
  not_with(verb.Number("--requests", "N", &options->requests, 1, UINT64_MAX / 2,
                       "Until N requests were compared"),
           {"--unmodelled", "--check-tools"});
  verb.Time("--time", &options->seconds,
            "30s, 5m, 1h, seconds without a unit; what shrinking takes is not counted");
  verb.Flag("--stop-on-failure", &options->stop_on_failure, "End after the first difference");
  verb.Number("--shrink", "N", &options->shrink_candidates, 0, 1'000'000,
              "Smaller cases that are tried for each finding")
      .ShowDefault();
  verb.Group("Which cases");
  verb.Number("--seed", "N", &options->cases.seed, 0, UINT64_MAX / 2, "The first generated case")
      .ShowDefault();
  const auto of_commands = [&](Option& option) -> Option& {
    return not_with(option, {"--query", "--restore", "--check-tools"});
  };
  of_commands(verb.Number("--ops", "N", &options->cases.ops, 1, 100'000,
                          "Ops in each generated case; default: it varies"));
  of_commands(verb.Text("--groups", "GROUP,…", groups.get(),
                        "Only commands of these groups: string,list,…"))
      .NotBlank("it names no group: give some, such as string,list");
  compared(
      verb.Text("--commands", "NAME,…", commands.get(), "Only these commands: get,set,client|id"))
      .NotBlank("it names no command: give some, such as get,set");
  compared(verb.Text("--without", "NAME,…", without.get(), "None of these commands"))
      .NotBlank("it names no command: give some, such as get,set");
  of_commands(verb.Choice("--protocol", {"2", "3", "both"}, &options->cases.protocol,
                          "The protocol that clients begin with"))
      .ShowDefault();
  of_commands(verb.Flag("--resp2", resp2.get(), "The same as --protocol 2")).Excludes("--protocol");
  verb.Group("What is a difference");
  compared(verb.Flag("--only-errors-code", &options->server.only_error_codes,
                     "Errors are the same if their codes are, the first words"));
  compared(verb.Text("--accept", "FILE", &options->accept,
                     "Differences that are accepted: they end no case, and are not filed"));
  compared(verb.Text("--write-accept", "FILE", &options->write_accept,
                     "Write the differences of this run, and those of --accept, as such a list"));
  compared(verb.Choice("--fail-on", {"any", "new"}, &options->fail_on,
                       "Exit with 1 after any difference, or only after one that was not filed "
                       "before"))
      .ShowDefault();
  compared(verb.Text("--junit", "FILE", &options->junit,
                     "Write the result for each command, passed, failed or absent, as JUnit XML"));
  verb.Group("");
  compared(verb.Flag("--verbose", &options->verbose,
                     "List at the end why requests were left out, and how many for each reason"));
  AddReportOptions(&verb, &options->output);
  AddWatchOption(&verb, &options->output);
  verb.run = [=] {
    options->output.Check();
    if (options->seconds == 0 && options->seeds == 0 && options->requests == 0) {
      options->seconds = 30;
    }
    options->cases.groups = SplitList(*groups);
    options->cases.commands = SplitList(*commands);
    options->cases.without = SplitList(*without);
    if (*resp2) options->cases.protocol = "2";
    if (options->server.memory_mb != LiveOptions().memory_mb && !options->server.unmodelled &&
        !options->server.restore && !options->server.query && !options->server.check_tools) {
      throw runner::UserError(
          "--memory is for --unmodelled, --query and --restore: without them a server's "
          "memory is not watched");
    }
    if (options->server.restore) return RestorePayloads(*options);
    if (options->server.check_tools) return CheckTools(*options);
    if (options->server.query) return CompareQueries(*options);
    return options->server.unmodelled ? CallUnmodelled(*options) : RunOracle(*options);
  };
  return verb;
}

}  // namespace resprobe::cli
