// replay: reruns cases and reports the result of each.

#include <absl/strings/str_format.h>

#include <cstdio>
#include <map>
#include <memory>

#include "cli/cases/case_runners.h"
#include "cli/oracle/live_runners.h"
#include "cli/output_options.h"
#include "cli/verbs.h"
#include "findings/case_runner.h"
#include "runner/harness_process.h"
#include "runner/json.h"
#include "runner/output.h"
#include "runner/project.h"
#include "runner/user_error.h"
#include "runner/whole_number.h"

namespace resprobe::cli {
namespace {

struct ReplayOptions {
  std::vector<std::string> cases;
  std::string harness;
  std::string seed;
  bool quiet = false;
  int timeout_seconds = 25;
  bool skip_missing = false;
  runner::RunOptions run;
  runner::OutputOptions output;
  LiveOptions server;
};

void Print(const runner::Project& project, const fs::path& file,
           const findings::CaseOutcome& outcome, bool quiet) {
  if (!quiet || outcome.failed()) {
    absl::PrintF("%-10s %s  ops %d", outcome.word, project.Shown(file), outcome.ops);
    if (!outcome.hash.empty()) std::printf("  hash %s", outcome.hash.c_str());
    std::printf("\n");
    // What else there is to say of a case that passes.
    if (!outcome.failed()) std::fputs(outcome.text.c_str(), stdout);
  }
  if (outcome.failed()) {
    std::printf("  signature: %s\n", outcome.what.signature.c_str());
    if (outcome.what.op) {
      std::printf("  at op:     %s\n", findings::OpText(*outcome.what.op, outcome.ops).c_str());
    }
    std::fputs(outcome.text.c_str(), stdout);
  }
  if (!outcome.trace.empty()) {
    std::printf("  trace:\n%s", findings::Indented(outcome.trace).c_str());
  }
}

Json ToJson(const runner::Project& project, const fs::path& file, const findings::RunSpec& spec,
            const findings::CaseOutcome& outcome) {
  Json json = {{"file", runner::JsonText(project.Shown(file))},
               {"harness", spec.harness},
               {"runner", spec.runner},
               {"outcome", outcome.word},
               {"ops", outcome.ops}};
  if (!outcome.hash.empty()) json["hash"] = outcome.hash;
  if (!outcome.hash2.empty()) json["hash2"] = outcome.hash2;
  const findings::Symptom& what = outcome.what;
  if (outcome.failed()) json["signature"] = what.signature;
  if (!what.invariant.empty()) json["invariant"] = what.invariant;
  if (what.op) json["op"] = *what.op;
  if (!what.expected.empty()) json["expected"] = what.expected;
  if (!what.seen.empty()) json["seen"] = what.seen;
  if (!what.details.empty()) json["details"] = what.details;
  if (!outcome.stack.empty()) json["stack"] = runner::JsonText(outcome.stack);
  if (!outcome.trace.empty()) json["trace"] = runner::JsonText(outcome.trace);
  return json;
}

// The exit code that ctest treats as a skipped test.
constexpr int kSkipped = 77;

struct Group {
  findings::RunSpec spec;
  std::vector<fs::path> files;
};

// The cases in order; consecutive cases that are run in the same way form a group.
std::vector<Group> GroupsOf(const runner::Project& project, const std::vector<fs::path>& cases,
                            const RunOverrides& overrides) {
  std::vector<Group> groups;
  for (const fs::path& file : cases) {
    findings::RunSpec spec = SpecOf(project, file, overrides);
    if (groups.empty() || groups.back().spec != spec) groups.push_back({std::move(spec), {}});
    groups.back().files.push_back(file);
    if (overrides.live && groups.size() > 1) {
      throw runner::UserError(file.string() + ": is a case of " + groups.back().spec.harness +
                              ": replay those of invalidation by themselves");
    }
  }
  return groups;
}

int RunReplay(const ReplayOptions& options) {
  options.output.Check();
  if (options.cases.empty() == options.seed.empty()) {
    throw runner::UserError("replay: name cases, or one with --harness NAME --seed N");
  }
  if (!options.seed.empty() && options.harness.empty()) {
    throw runner::UserError("replay --seed " + options.seed + ": add --harness NAME");
  }
  const runner::Project project = runner::OpenProject();
  runner::TempFolder temp;
  std::vector<fs::path> cases;
  if (options.seed.empty()) {
    cases = runner::CasesOf(options.cases);
  } else {
    cases = {temp.path() / ("seed-" + options.seed)};
    Generate(project.Find(options.harness), options.seed, cases[0]);
  }
  RunOverrides overrides;
  overrides.harness = options.harness;
  overrides.limits = {static_cast<int>(options.run.limits.timeout_seconds),
                      options.run.limits.rss_mb};
  if (options.server.given()) {
    overrides.live =
        ToRunSpec(options.server, options.server.unmodelled ? "robustness" : "oracle", "");
  }
  // Report unknown harnesses before anything runs.
  const std::vector<Group> groups = GroupsOf(project, cases, overrides);
  for (const Group& group : groups) {
    if (!Traces(group.spec.runner) && (options.run.trace || options.run.twice)) {
      throw runner::UserError("replay: --trace and --twice are not for a live server");
    }
  }
  Json json = {{"cases", Json::array()}};
  std::map<std::string, size_t> all;
  std::string summary;
  for (const Group& group : groups) {
    std::unique_ptr<findings::CaseRunner> runner;
    try {
      runner = OpenRunner(project, group.spec);
    } catch (const runner::UserError& error) {
      if (!options.skip_missing) throw;
      std::printf("skipped: %s\n", error.what());
      return kSkipped;
    }
    std::map<std::string, size_t> outcomes;
    runner->Run(group.files, options.run.trace, options.run.twice,
                [&](const fs::path& file, const findings::CaseOutcome& outcome) {
                  ++outcomes[outcome.word];
                  ++all[outcome.word];
                  if (options.output.text_on_stdout()) {
                    Print(project, file, outcome, options.quiet);
                  }
                  json["cases"].push_back(ToJson(project, file, runner->spec(), outcome));
                });
    if (IsLive(group.spec.runner) || groups.size() == 1) {
      std::string lines = runner->Summary(group.files.size(), outcomes);
      // A quiet run that prints nothing would not show that it ran anything.
      if (lines.empty() && options.quiet)
        lines = findings::CountOutcomes(group.files.size(), outcomes);
      summary += lines;
    }
    for (auto& [key, value] : runner->Report().items()) json[key] = value;
  }
  if (groups.size() > 1) summary += findings::CountOutcomes(cases.size(), all);
  if (options.output.text_on_stdout()) std::fputs(summary.c_str(), stdout);
  if (options.output.report()) options.output.Write(json);
  return all["ok"] == cases.size() ? runner::kAllWell : runner::kFinding;
}

}  // namespace

Verb ReplayVerb() {
  const auto options = std::make_shared<ReplayOptions>();
  Verb verb("replay", "run cases again");
  verb.details =
      "A case is a tape or .ops text; a folder stands for all cases in it. The harness is that of "
      "the first line of .ops text, or of the path (corpus/NAME/…, tests/regressions/NAME/…, "
      "work/findings/NAME/…); else give --harness.\n"
      "With --server, --unix or --start a case of command_handler runs on the core and on that "
      "server, and every reply is compared (./resprobe oracle); one of invalidation runs over "
      "connections to that server, with the core beside it (./resprobe model-check).\n"
      "The folder of a finding, and a case frozen from one, runs on what it was found on: in a "
      "process, or on a server that is started as it was then.";
  verb.examples = {
      {"replay corpus/resp_parser", "runs all seeds of a harness"},
      {"replay --trace work/findings/invalidation/violation-no_stale_read",
       "shows what happened, op by op"},
      {"replay --harness command_handler --seed 7", "runs one generated case"},
      {"replay case.ops --start redis-server", "runs a case on a server and on the core"}};
  verb.exit_codes = "0 all went well, 1 one failed, 2 wrong use, 130 interrupted.";
  verb.Arguments("CASE", &options->cases, "Files or folders").Complete(Completion::kFile);
  verb.Text("--harness", "NAME", &options->harness, "The harness of all these cases")
      .Complete(Completion::kHarness);
  verb.Text("--seed", "N", &options->seed, "Run the case that is generated from this seed");
  verb.Flag("--trace", &options->run.trace, "Print what happened, step by step");
  verb.Flag("--twice", &options->run.twice, "Run each twice; the trace hashes must be equal");
  verb.Flag("--quiet", &options->quiet, "Print failures and the sum only");
  verb.Flag("--skip-missing", &options->skip_missing,
            "Exit code 77 where the harness or the server of a case is missing (for tests)");
  verb.Number("--timeout", "SECONDS", &options->timeout_seconds, 1, runner::kMostSeconds,
              "Seconds that one case may take")
      .ShowDefault();
  verb.Number("--rss", "MB", &options->run.limits.rss_mb, 1, runner::kMostMegabytes,
              "Memory that the runs may take")
      .ShowDefault();
  options->server.AddTo(&verb, {.sandbox = true});
  AddOutputOptions(&verb, &options->output);
  verb.run = [=] {
    options->run.limits.timeout_seconds = options->timeout_seconds;
    return RunReplay(*options);
  };
  return verb;
}

}  // namespace resprobe::cli
