// replay: runs cases again and says how each went.

#include <cstdio>
#include <map>
#include <memory>

#include "cli/oracle/model_session.h"
#include "cli/oracle/oracle_session.h"
#include "cli/output_options.h"
#include "cli/verbs.h"
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
  RunOptions run;
  OutputOptions output;
  LiveOptions server;
};

void PrintIndented(const std::string& text) {
  for (size_t start = 0; start < text.size();) {
    size_t end = text.find('\n', start);
    if (end == std::string::npos) end = text.size();
    std::printf("    %.*s\n", static_cast<int>(end - start), text.data() + start);
    start = end + 1;
  }
}

void PrintResult(const Project& project, const CaseResult& result, bool quiet) {
  if (!quiet || result.failed()) {
    std::printf("%-10s %s", result.outcome.c_str(), project.Shown(result.file).c_str());
    if (!result.hash.empty()) {
      std::printf("  ops %llu  hash %s", static_cast<unsigned long long>(result.ops),
                  result.hash.c_str());
    }
    std::printf("\n");
  }
  if (result.outcome == "violation") {
    std::printf("  signature: %s\n  at op:     %llu\n  expected:\n", result.signature.c_str(),
                static_cast<unsigned long long>(result.op));
    PrintIndented(result.expected);
    std::printf("  seen:\n");
    PrintIndented(result.seen);
  } else if (result.outcome == "crash") {
    std::printf("  signature: %s\n", result.signature.c_str());
    std::fputs(result.stack.c_str(), stdout);
  } else if (result.outcome == "not deterministic") {
    std::printf("  the second run has hash %s\n", result.hash2.c_str());
  }
  if (!result.trace.empty()) {
    std::printf("  trace:\n");
    PrintIndented(result.trace);
  }
}

Json ToJson(const Project& project, const HarnessEntry& harness, const CaseResult& result) {
  Json json = {{"file", JsonText(project.Shown(result.file))},
               {"harness", harness.name},
               {"outcome", result.outcome}};
  if (!result.hash.empty()) {
    json["ops"] = result.ops;
    json["hash"] = result.hash;
  }
  if (!result.hash2.empty()) json["hash2"] = result.hash2;
  if (result.failed()) json["signature"] = JsonText(result.signature);
  if (result.outcome == "violation") {
    json["invariant"] = result.invariant;
    json["op"] = result.op;
    json["expected"] = JsonText(result.expected);
    json["seen"] = JsonText(result.seen);
  }
  if (!result.stack.empty()) json["stack"] = JsonText(result.stack);
  if (!result.trace.empty()) json["trace"] = JsonText(result.trace);
  return json;
}

int RunReplay(const ReplayOptions& options) {
  options.output.Check();
  if (options.cases.empty() == options.seed.empty()) {
    throw UserError("replay: name cases, or one with --harness NAME --seed N");
  }
  if (!options.seed.empty() && options.harness.empty()) {
    throw UserError("replay --seed " + options.seed + ": add --harness NAME");
  }
  const Project project = OpenProject();
  TempFolder temp;
  std::vector<fs::path> cases;
  if (options.seed.empty()) {
    cases = CasesOf(options.cases);
  } else {
    cases = {temp.path() / ("seed-" + options.seed)};
    Generate(project.Find(options.harness), options.seed, cases[0]);
  }
  if (options.server.given()) {
    if (options.run.trace || options.run.twice) {
      throw UserError("replay: --trace and --twice are not for a live server");
    }
    if (project.HarnessOfCase(cases[0], options.harness).corpus == InvalidationWorld::kName) {
      for (const fs::path& file : cases) {
        const std::string& corpus = project.HarnessOfCase(file, options.harness).corpus;
        if (corpus == InvalidationWorld::kName) continue;
        throw UserError(file.string() + ": is a case of " + corpus +
                        ": replay those of invalidation by themselves");
      }
      return ReplayOnModelServer(options.server, cases, options.quiet, options.output);
    }
    return ReplayOnServer(options.server, cases, options.harness, options.quiet, options.output);
  }
  // One harness after the other, each with its cases in order; unknown ones show before any runs.
  std::vector<std::pair<const HarnessEntry*, std::vector<fs::path>>> groups;
  for (const fs::path& file : cases) {
    const HarnessEntry* harness = &project.HarnessOfCase(file, options.harness);
    if (groups.empty() || groups.back().first != harness) groups.push_back({harness, {}});
    groups.back().second.push_back(file);
  }
  std::map<std::string, size_t> counts;
  Json json = {{"cases", Json::array()}};
  for (const auto& [harness, files] : groups) {
    RunCases(*harness, files, options.run, [&](const CaseResult& result) {
      ++counts[result.outcome];
      if (options.output.text_on_stdout()) PrintResult(project, result, options.quiet);
      json["cases"].push_back(ToJson(project, *harness, result));
    });
  }
  if (options.output.text_on_stdout() && (cases.size() > 1 || options.quiet)) {
    std::printf("%zu cases:", cases.size());
    const char* separator = "";
    for (const auto& [outcome, count] : counts) {
      std::printf("%s %zu %s", separator, count, outcome.c_str());
      separator = ",";
    }
    std::printf("\n");
  }
  const int code = counts["ok"] == cases.size() ? kAllWell : kFinding;
  if (options.output.json()) options.output.Write(json);
  return code;
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
      "connections to that server, with the model beside it (./resprobe model-check).";
  verb.examples = {
      {"replay corpus/resp_parser", "runs all seeds of a harness"},
      {"replay --trace work/findings/invalidation/stale-read", "shows what happened, op by op"},
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
  verb.Number("--timeout", "SECONDS", &options->timeout_seconds, 1, kMostSeconds,
              "Seconds that one case may take")
      .ShowDefault();
  verb.Number("--rss", "MB", &options->run.limits.rss_mb, 1, kMostMegabytes,
              "Memory that the runs may take")
      .ShowDefault();
  options->server.AddTo(&verb);
  AddOutputOptions(&verb, &options->output);
  verb.run = [=] {
    options->run.limits.timeout_seconds = options->timeout_seconds;
    return RunReplay(*options);
  };
  return verb;
}

}  // namespace resprobe::cli
