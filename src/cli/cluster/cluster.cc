// cluster: scenarios of clusters, as people write them down, in virtual time.

#include <absl/strings/str_format.h>

#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "cli/cluster/scenario.h"
#include "cli/cluster/scenario_run.h"
#include "cli/output_options.h"
#include "cli/server_options.h"
#include "cli/verbs.h"
#include "live/server/target.h"
#include "report/writers.h"
#include "runner/files.h"
#include "runner/json.h"
#include "runner/process.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

struct Options {
  std::vector<std::string> files;
  bool random = false;
  std::optional<uint64_t> seed;
  uint64_t iterations = 1;
  ServerOptions server;
  std::string output;
  std::string format = "console";
};

std::vector<Scenario> ScenariosOf(const Options& options) {
  std::vector<Scenario> scenarios;
  std::random_device device;
  const uint64_t first = options.seed.value_or(device());
  if (options.random) {
    for (uint64_t i = 0; i < options.iterations; ++i)
      scenarios.push_back(RandomScenario(first + i));
    return scenarios;
  }
  for (const std::string& file : options.files) {
    for (const Scenario& read : ReadScenarios(file)) {
      for (uint64_t i = 0; i < options.iterations; ++i) {
        Scenario scenario = read;
        // --seed goes before the seed of the file.
        scenario.seed = (options.seed ? first : read.seed.value_or(first)) + i;
        if (options.iterations > 1) scenario.id += absl::StrFormat("-%d", i + 1);
        scenarios.push_back(scenario);
      }
    }
  }
  return scenarios;
}

int Run(const Options& options) {
  if (!options.random && options.files.empty()) {
    throw runner::UserError("cluster run: name a scenario file, or use --random");
  }
  if (options.random && !options.files.empty()) {
    throw runner::UserError("cluster run: --random takes no files: remove one of them");
  }
  // Before anything is run.
  if (!options.output.empty()) runner::MakeFolder(options.output);
  const std::vector<Scenario> scenarios = ScenariosOf(options);
  for (const Scenario& scenario : scenarios) {
    if (scenario.cluster.enable_cleanup) continue;
    const fs::path folder = scenario.cluster.base_data_dir;
    runner::MakeFolder(folder);
    runner::CheckWritable(folder / "log");
  }
  std::string error;
  std::optional<std::vector<std::string>> words =
      live::WordsOfCommand(options.server.start, &error);
  if (!words) throw runner::UserError("--start " + options.server.start + ": " + error);
  const std::string program = words->front();
  words->erase(words->begin());
  words->insert(words->end(), options.server.arguments.begin(), options.server.arguments.end());
  ScenarioRunner runner(program, *words);
  const double start = runner::Now();
  Json summary = {{"scenarios", Json::array()}, {"passed", 0}, {"failed", 0}};
  int failed = 0;
  for (const Scenario& scenario : scenarios) {
    Json json;
    try {
      json = runner.Run(scenario);
    } catch (const runner::Interruption&) {
      break;  // the summary tells what was run by then
    }
    const Json& result = json["result"];
    const bool success = result["success"].get<bool>();
    failed += success ? 0 : 1;
    if (options.format == "console") {
      std::printf("%-32s %s  %d of %d operations, %d chaos events, %.1f s in %.2f s\n",
                  runner::TerminalText(scenario.id).c_str(), success ? "pass" : "FAIL",
                  result["operations_executed"].get<int>(),
                  static_cast<int>(scenario.operations.size()),
                  static_cast<int>(result["chaos_events"].size()),
                  result["end_time"].get<double>() - result["start_time"].get<double>(),
                  result["seconds"].get<double>());
      if (!success) {
        std::printf("  %s\n",
                    runner::TerminalText(result["error_message"].get<std::string>()).c_str());
      }
      std::fflush(stdout);
    }
    if (!options.output.empty()) {
      const fs::path folder = fs::path(options.output) / scenario.id;
      fs::create_directories(folder);
      runner::WriteFile(folder / "result.json", result.dump(2) + "\n");
      runner::WriteFile(folder / "log.json", json["log"].dump(2) + "\n");
      runner::WriteFile(folder / "scenario.yaml", PrintScenario(scenario));
    }
    summary["scenarios"].push_back(result);
  }
  summary["failed"] = failed;
  const int passed = static_cast<int>(summary["scenarios"].size()) - failed;
  summary["passed"] = passed;
  const bool interrupted = runner::Interrupted();
  summary["interrupted"] = interrupted;
  if (!options.output.empty()) {
    runner::WriteFile(fs::path(options.output) / "summary.json", summary.dump(2) + "\n");
  }
  int code = failed == 0 ? runner::kAllWell : runner::kFinding;
  if (interrupted) code = runner::kInterrupted;
  if (options.format != "console") {
    report::Report report = report::NewReport("cluster run", runner::Now() - start);
    report.interrupted = interrupted;
    report.exit_code = code;
    report.own = summary;
    for (const Json& scenario : summary["scenarios"]) {
      const bool success = scenario["success"].get<bool>();
      report.results.push_back(
          {.name = scenario["scenario_id"].get<std::string>(),
           .status = success ? report::Status::kPassed : report::Status::kFailed,
           .note = success ? "" : scenario["error_message"].get<std::string>(),
           .seconds = scenario["seconds"].get<double>()});
    }
    report::Write(report, {.format = options.format, .file = ""});
  } else if (scenarios.size() > 1) {
    std::printf("%d of %d scenarios pass%s\n", passed, static_cast<int>(scenarios.size()),
                interrupted ? "; the rest was not run" : "");
  }
  return code;
}

int Validate(const std::vector<std::string>& files) {
  int code = runner::kAllWell;
  for (const std::string& file : files) {
    try {
      for (const Scenario& scenario : ReadScenarios(file)) {
        std::printf("%s: %s: %d operations on %d nodes\n", runner::TerminalText(file).c_str(),
                    runner::TerminalText(scenario.id).c_str(),
                    static_cast<int>(scenario.operations.size()),
                    scenario.cluster.num_shards * (1 + scenario.cluster.replicas_per_shard));
      }
    } catch (const runner::UserError& error) {
      std::fflush(stdout);
      std::fprintf(stderr, "resprobe: %s\n", runner::TerminalText(error.what()).c_str());
      code = runner::kWrongUse;
    }
  }
  return code;
}

}  // namespace

Verb ClusterVerb() {
  const auto options = std::make_shared<Options>();
  Verb verb("cluster", "run scenarios of clusters of real servers in virtual time");
  verb.details =
      "A scenario is a YAML file: a cluster, failovers, processes that are killed before, during "
      "or "
      "after them, and what is validated. The servers run unmodified in a sandbox, where a "
      "scenario "
      "of a minute takes a second, and the same seed gives the same run. docs/cluster.md says what "
      "each key means.";
  Verb& run = verb.verbs.emplace_back("run", "run scenarios, and validate the cluster");
  run.Arguments("FILE", &options->files, "YAML files with scenarios").Complete(Completion::kFile);
  run.Flag("--random", &options->random, "Run scenarios from seeds");
  run.Number("--seed", "N", &options->seed, 0, UINT32_MAX,
             "The first seed; default: that of the file, else a random one");
  run.Number("--iterations", "N", &options->iterations, 1, 1'000'000,
             "Run each file so often, or so many random scenarios, each with the next seed")
      .ShowDefault();
  options->server.AddTo(&run, {.running = false, .flush = false, .hang = false, .required = true});
  run.Text("--output", "DIR", &options->output,
           "Write result.json, log.json and scenario.yaml of each scenario to a folder of its own")
      .Complete(Completion::kFolder);
  run.Choice("--format", report::Formats(), &options->format, "What is printed").ShowDefault();
  run.examples = {{"cluster run failover.yaml --start valkey-server", "a file"},
                  {"cluster run --random --seed 1 --iterations 20 --start redis-server "
                   "--output work/cluster",
                   "twenty seeds"}};
  run.exit_codes = "0 all scenarios pass, 1 one does not, 2 wrong use.";
  run.run = [=] { return Run(*options); };
  Verb& validate = verb.verbs.emplace_back("validate", "check scenario files");
  validate.Arguments("FILE", &options->files, "YAML files with scenarios")
      .Complete(Completion::kFile)
      .Required();
  validate.examples = {{"cluster validate failover.yaml", "says what is in it, or what is wrong"}};
  validate.exit_codes = "0 all can be run, 2 one cannot.";
  validate.run = [=] { return Validate(options->files); };
  Verb& print = verb.verbs.emplace_back("export", "print a random scenario as YAML");
  print.Number("--seed", "N", &options->seed, 0, UINT32_MAX, "The seed").Required();
  print.examples = {{"cluster export --seed 7", "what `cluster run --random --seed 7` runs"}};
  print.exit_codes = "0 printed, 2 wrong use.";
  print.run = [=] {
    std::printf("%s", PrintScenario(RandomScenario(*options->seed)).c_str());
    return runner::kAllWell;
  };
  return verb;
}

}  // namespace resprobe::cli
