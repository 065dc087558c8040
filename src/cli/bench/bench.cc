// bench: measures executions per second of each harness, in a campaign and over its seeds, relative
// to an empty target in the same build, the reply parser relative to hiredis's reader, and the live
// search for stale reads.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>

#include "cli/bench/bench_crash_points.h"
#include "cli/bench/bench_families.h"
#include "cli/bench/bench_oracle.h"
#include "cli/bench/bench_sandbox.h"
#include "cli/bench/median.h"
#include "cli/fuzz/fuzz_job.h"
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

// About half of what was measured on two busy cores.
struct Floor {
  const char* harness;
  double ratio;     // of a campaign to an empty target that replays
  double mean_ops;  // of a case; 0: no minimum
};
constexpr Floor kFloors[] = {
    {"resp_parser", 0.12, 0},       {"query_parser", 0.14, 0},      {"aof", 0.1, 0},
    {"resp_differential", 0.07, 0}, {"command_handler", 0.005, 16}, {"invalidation", 0.01, 24},
    {"durability", 0.004, 20},      {"io_chaos", 0.0075, 16},       {"rdb", 0.13, 0},
    {"replication", 0.0012, 10},    {"cluster_bus", 0.025, 0}};
constexpr double kParserFloor = 3;
constexpr double kLiveFloor = 2000;
constexpr double kPoll = 0.02;  // seconds between two looks at a process's CPU time

struct BenchOptions {
  std::vector<std::string> harnesses;
  int rounds = 5;
  double seconds = 1;
  double campaign_seconds = 30;
  bool families = false;
  runner::OutputOptions output;
};

// `left`: the folder of what libFuzzer leaves.
[[noreturn]] void ThrowFailed(const fs::path& binary, const std::string& log, const fs::path& left,
                              const fs::path& work) {
  const Signature signature = ReadSignature(log);
  std::string kept;
  for (const fs::path& file : runner::FilesIn(left)) {
    if (!file.filename().string().starts_with("crash-")) continue;
    const fs::path copy =
        work / "bench" / (binary.filename().string() + "-" + file.filename().string());
    runner::MakeFolder(copy.parent_path());
    runner::WriteFile(copy, runner::ReadFile(file));
    kept = "; its input: ./resprobe replay --harness " + binary.filename().string() + " " +
           copy.string();
  }
  throw runner::UserError(binary.filename().string() +
                          ": did not run to its end under libFuzzer (" +
                          (signature.empty() ? "no report" : signature.Text()) +
                          "): a bench needs a harness without findings" + kept);
}

// Executions per second of CPU time under libFuzzer over its seeds in turn, without mutation, from
// the moment when it has read them. Entropic is off: it treats a feature as rare until others are
// found, so with nothing to find all features stay rare, and counting them takes up to a quarter of
// the time.
double ReplayUnderLibFuzzer(const runner::Project& project, const fs::path& binary,
                            const fs::path& seeds, uint64_t runs) {
  const runner::TempFolder temp;
  const fs::path learnt = temp.path() / "learnt";  // libFuzzer writes to its first folder
  runner::MakeFolder(learnt);
  runner::Command command;
  command.argv = {binary,
                  "-artifact_prefix=" + temp.path().string() + "/",
                  "-runs=" + std::to_string(runs),
                  "-seed=1",
                  "-len_control=0",
                  "-keep_seed=1",
                  "-print_funcs=0",
                  "-detect_leaks=0",
                  "-cross_over=0",
                  "-entropic=0",
                  learnt,
                  seeds};
  command.environment = runner::SanitizerEnvironment(true);
  command.environment.emplace_back("RESPROBE_SEEDS_IN_TURN", seeds.string());
  runner::Process process(command);
  double begin = 0;
  double end = 0;
  bool done = false;
  uint64_t before = 0;
  uint64_t after = 0;
  std::string log;
  const auto take = [&](std::string_view line) {
    log += line;
    log += '\n';
    if (!line.starts_with('#')) return;
    const uint64_t count = std::strtoull(std::string(line.substr(1, 24)).c_str(), nullptr, 10);
    if (line.find("INITED") != std::string_view::npos) {
      begin = process.CpuSeconds();
      before = count;
    } else if (line.find("DONE") != std::string_view::npos) {
      done = true;
      after = count;
    }
  };
  bool running = true;
  while (running) {
    running = process.Pump(kPoll);
    end = std::max(end, process.CpuSeconds());
    runner::TakeLines(&process.err, take);
    if (runner::Interrupted()) throw runner::Interruption();
  }
  if (process.exit_code() != 0 || !done || end <= begin || after <= before)
    ThrowFailed(binary, log, temp.path(), project.work);
  return static_cast<double>(after - before) / (end - begin);
}

// What a process of a campaign does in some seconds of CPU time, from the seeds alone.
struct CampaignRun {
  double per_second = 0;  // executions per second of CPU time
  double edges = 0;
};

CampaignRun RunCampaign(const runner::Project& project, const runner::HarnessEntry& harness,
                        const fs::path& seeds, double seconds, uint64_t seed) {
  const runner::TempFolder temp;
  const fs::path learnt = temp.path() / "learnt";
  const fs::path progress = temp.path() / "progress";
  runner::MakeFolder(learnt);
  runner::WriteFile(progress, std::string(sizeof(uint64_t), '\0'));
  runner::Command command =
      LibFuzzerCommand(project, harness, findings::RunLimits(), seed, temp.path());
  command.argv.push_back(learnt);
  command.argv.push_back(seeds);
  command.environment.emplace_back("RESPROBE_PROGRESS", progress);
  runner::Process process(command);
  CampaignRun run;
  std::string log;
  double used = 0;
  uint64_t executions = 0;
  const auto take = [&](std::string_view line) {
    log += line;
    log += '\n';
    constexpr std::string_view kEdges = " cov: ";
    const size_t at = line.find(kEdges);
    if (!line.starts_with('#') || at == std::string_view::npos) return;
    run.edges = std::strtod(std::string(line.substr(at + kEdges.size(), 24)).c_str(), nullptr);
  };
  bool running = true;
  while (running && used < seconds) {
    running = process.Pump(kPoll);
    runner::TakeLines(&process.err, take);
    if (runner::Interrupted()) throw runner::Interruption();
    if (const double now = process.CpuSeconds(); now > 0) {
      used = now;
      const std::string count = runner::ReadFile(progress);
      std::memcpy(&executions, count.data(), std::min(sizeof(executions), count.size()));
    }
  }
  if (!running || used <= 0) ThrowFailed(harness.binary, log, temp.path(), project.work);
  run.per_second = static_cast<double>(executions) / used;
  return run;
}

struct Alone {
  double per_second = 0;
  double mean_ops = 0;
};

// Runs the harness without an engine.
Alone RunAlone(const runner::HarnessEntry& harness, const fs::path& seeds, double seconds) {
  runner::Command command;
  command.argv = {harness.binary, "--resprobe", "bench", std::to_string(seconds)};
  for (const fs::path& file : runner::FilesIn(seeds)) command.argv.push_back(file);
  command.environment = runner::SanitizerEnvironment(true);
  const runner::RunResult result = RunToEnd(command);
  if (result.exit_code != 0) {
    throw runner::UserError(harness.name + ": bench: " + SignatureOf(result).Text());
  }
  std::map<std::string, double> facts;
  for (const runner::Fact& fact : runner::ReadFacts(result.out)) {
    facts[fact.key] = std::strtod(fact.value().c_str(), nullptr);
  }
  return {facts["runs"] * 1e9 / std::max(1.0, facts["nanoseconds"]),
          facts["ops"] / std::max(1.0, facts["cases"])};
}

Json BenchHarness(const runner::Project& project, const runner::HarnessEntry& harness,
                  const BenchOptions& options) {
  const fs::path seeds = SeedFolder(project, harness, project.CorpusOf(harness), {});
  if (seeds.empty()) throw runner::UserError(harness.name + ": has no seed corpus to measure over");
  const fs::path empty = project.harnesses / "empty";
  std::vector<double> replay;
  std::vector<double> yardstick;
  std::vector<double> replay_ratio;
  std::vector<double> campaign;
  std::vector<double> campaign_ratio;
  std::vector<double> edges;
  std::vector<double> alone;
  Alone last;
  // The number of runs for about the wanted time; the first measurements determine it.
  const double speed = ReplayUnderLibFuzzer(project, harness.binary, seeds, 20000);
  const double empty_speed = ReplayUnderLibFuzzer(project, empty, seeds, 100000);
  const auto runs = [&](double per_second) {
    return static_cast<uint64_t>(std::max(1000.0, per_second * options.seconds));
  };
  for (int round = 0; round < options.rounds; ++round) {
    replay.push_back(ReplayUnderLibFuzzer(project, harness.binary, seeds, runs(speed)));
    yardstick.push_back(ReplayUnderLibFuzzer(project, empty, seeds, runs(empty_speed)));
    replay_ratio.push_back(replay.back() / yardstick.back());
    last = RunAlone(harness, seeds, options.seconds / 2);
    alone.push_back(last.per_second);
    const CampaignRun run = RunCampaign(project, harness, seeds, options.campaign_seconds,
                                        1 + static_cast<uint64_t>(round));
    campaign.push_back(run.per_second);
    campaign_ratio.push_back(run.per_second / yardstick.back());
    edges.push_back(run.edges);
  }
  Json json = {{"name", harness.name},
               {"campaign_seconds", options.campaign_seconds},
               {"campaign_per_second", Median(campaign)},
               {"campaign_ratio", Median(campaign_ratio)},
               {"campaign_edges", Median(edges)},
               {"replay_per_second", Median(replay)},
               {"replay_ratio", Median(replay_ratio)},
               {"empty_per_second", Median(yardstick)},
               {"alone_per_second", Median(alone)},
               {"mean_ops", last.mean_ops}};
  for (const Floor& floor : kFloors) {
    if (harness.name != floor.harness) continue;
    json["floor"] = floor.ratio;
    if (floor.mean_ops > 0) json["floor_mean_ops"] = floor.mean_ops;
    json["pass"] =
        json["campaign_ratio"].get<double>() >= floor.ratio && last.mean_ops >= floor.mean_ops;
  }
  return json;
}

double NumberOf(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_number() ? at->get<double>() : 0;
}

void PrintHarness(const Json& json) {
  const auto rate = [&](const char* key) {
    return runner::Grouped(static_cast<uint64_t>(NumberOf(json, key)));
  };
  std::printf("%-30s %9s %7.4f %6s %9s %7.4f %10s %7.1f", json["name"].get<std::string>().c_str(),
              rate("campaign_per_second").c_str(), NumberOf(json, "campaign_ratio"),
              rate("campaign_edges").c_str(), rate("replay_per_second").c_str(),
              NumberOf(json, "replay_ratio"), rate("alone_per_second").c_str(),
              NumberOf(json, "mean_ops"));
  if (json.contains("pass")) {
    std::printf("  >= %.4f: %s", NumberOf(json, "floor"),
                json["pass"].get<bool>() ? "pass" : "FAIL");
  }
  std::printf("\n");
  std::fflush(stdout);
}

// Measures the reply parser against hiredis's reader: bench/resp_bench.cc, in the release build.
Json BenchParser(const fs::path& program) {
  const runner::RunResult result = runner::RunToEnd({{program, "--benchmark_format=json"}, {}});
  const Json raw = Json::parse(result.out, nullptr, false);
  if (result.exit_code != 0 || raw.is_discarded() || !raw.contains("benchmarks")) {
    throw runner::UserError(program.string() + ": did not run to its end: build it again");
  }
  Json json = {{"hiredis", raw.contains("context") ? raw["context"].value("hiredis", "") : ""},
               {"floor", kParserFloor},
               {"streams", Json::array()}};
  double mixed = 0;
  for (const Json& one : raw["benchmarks"]) {
    std::string name = one.value("name", "");
    const size_t slash = name.find('/');
    name = name.substr(slash == std::string::npos ? 0 : slash + 1);
    name = name.substr(0, name.find('/'));
    json["streams"].push_back({{"name", name},
                               {"core_bytes_per_second", NumberOf(one, "core")},
                               {"hiredis_bytes_per_second", NumberOf(one, "hiredis")},
                               {"ratio", NumberOf(one, "ratio")}});
    if (name == "mixed") mixed = NumberOf(one, "ratio");
  }
  json["ratio"] = mixed;
  json["pass"] = mixed >= kParserFloor;
  return json;
}

void PrintParser(const Json& json) {
  std::printf("\nreply parser against hiredis %s      core MB/s  hiredis MB/s  ratio\n",
              json["hiredis"].get<std::string>().c_str());
  for (const Json& stream : json["streams"]) {
    std::printf("  %-36s %10.0f %13.0f %6.2f\n", stream["name"].get<std::string>().c_str(),
                NumberOf(stream, "core_bytes_per_second") / 1e6,
                NumberOf(stream, "hiredis_bytes_per_second") / 1e6, NumberOf(stream, "ratio"));
  }
  std::printf("  mixed >= %.1f: %s\n", kParserFloor, json["pass"].get<bool>() ? "pass" : "FAIL");
}

// Checked reads per second of `invalidate`, with four workers and a private redis-server.
Json BenchLive(const std::string& server) {
  runner::Command command;
  command.argv = {"/proc/self/exe", "invalidate", "--start",   server, "--iterations", "3000",
                  "--seed",         "1",          "--workers", "4",    "--format",     "json"};
  const runner::RunResult result = RunToEnd(command);
  const Json report = Json::parse(result.out, nullptr, false);
  if (result.exit_code != runner::kAllWell || report.is_discarded()) {
    throw runner::UserError("bench: ./resprobe invalidate --start " + server +
                            " --iterations 3000 --seed 1 does not pass: run it");
  }
  const double rate = NumberOf(report, "checked_reads_per_second");
  return {{"workers", 4}, {"checked_reads_per_second", rate}, {"pass", rate >= kLiveFloor}};
}

void PrintLive(const Json& json) {
  std::printf("\nlive: %.0f checked reads/s with 4 workers; >= %.0f: %s\n",
              NumberOf(json, "checked_reads_per_second"), kLiveFloor,
              json["pass"].get<bool>() ? "pass" : "FAIL");
}

int RunBench(const BenchOptions& options) {
  options.output.Check();
  const runner::Project project = runner::OpenProject();
  const std::vector<runner::HarnessEntry> harnesses = options.families && options.harnesses.empty()
                                                          ? std::vector<runner::HarnessEntry>()
                                                          : project.Select(options.harnesses);
  const bool text = options.output.text_on_stdout();
  std::error_code error;
  if (!fs::exists(project.harnesses / "empty", error)) {
    throw runner::UserError((project.harnesses / "empty").string() +
                            ": is missing: start the bench with ./resprobe, which builds it");
  }
  Json json = {{"rounds", options.rounds}, {"harnesses", Json::array()}};
  bool pass = true;
  if (text && !harnesses.empty()) {
    std::printf("medians of %d rounds; executions per second of one process\n", options.rounds);
    std::printf("%-30s %9s %7s %6s %9s %7s %10s %7s\n", "harness", "campaign", "ratio", "edges",
                "replay", "ratio", "alone", "ops");
  }
  for (const runner::HarnessEntry& harness : harnesses) {
    if (harness.binary.empty()) {
      if (text) {
        std::printf("%-30s skipped: %s\n", harness.name.c_str(), WhyNotBuilt(harness).c_str());
      }
      json["harnesses"].push_back({{"name", harness.name}, {"skipped", true}});
      continue;
    }
    const Json one = BenchHarness(project, harness, options);
    pass &= one.value("pass", true);
    if (text) PrintHarness(one);
    json["harnesses"].push_back(one);
  }
  if (text && !harnesses.empty()) {
    std::printf(
        "campaign: as `fuzz` runs it, for %g s of CPU time from the seeds: executions a second of "
        "CPU\n"
        "time, and the edges reached by then; replay: the seeds in turn under libFuzzer, without\n"
        "mutation; ratio: to an empty target that replays, where a campaign has a floor; alone: "
        "the\n"
        "seeds without an engine; ops: mean number of ops in a seed\n",
        options.campaign_seconds);
  }
  const fs::path program = project.build / "release" / "bench" / "resp_bench";
  if (options.harnesses.empty() && !options.families) {
    if (fs::exists(program, error)) {
      const Json parser = BenchParser(program);
      pass &= parser["pass"].get<bool>();
      if (text) PrintParser(parser);
      json["reply_parser"] = parser;
    } else {
      if (text) std::printf("\nreply parser against hiredis: skipped, not built\n");
      json["reply_parser"] = {{"skipped", true}};
    }
    const Json oracle =
        BenchOracle(fs::read_symlink("/proc/self/exe"), options.rounds, options.seconds);
    pass &= oracle.value("pass", true);
    if (text) PrintOracle(oracle);
    json["oracle"] = oracle;
  }
  const bool crashes = std::ranges::any_of(
      harnesses, [](const runner::HarnessEntry& harness) { return harness.name == "durability"; });
  if (crashes && !options.families) {
    const Json states = BenchCrashPoints(options.seconds);
    pass &= states["pass"].get<bool>();
    if (text) PrintCrashPoints(states);
    json["crash_points"] = states;
  }
  if (options.harnesses.empty() && !options.families) {
    if (const char* server = std::getenv("RESPROBE_REDIS_SERVER"); server != nullptr) {
      json["live"] = BenchLive(server);
      pass &= json["live"]["pass"].get<bool>();
      if (text) PrintLive(json["live"]);
    } else {
      if (text) std::printf("\nlive: skipped, there is no redis-server\n");
      json["live"] = {{"skipped", true}};
    }
  }
  if (options.harnesses.empty() && !options.families) {
    json["sandbox"] = Json::array();
    for (const char* variable : {"RESPROBE_REDIS_SERVER", "RESPROBE_VALKEY_SERVER"}) {
      const char* const server = std::getenv(variable);
      if (server == nullptr) {
        if (text) std::printf("\nsandbox: skipped, %s is not set\n", variable);
        continue;
      }
      const Json one = BenchSandbox(fs::read_symlink("/proc/self/exe"), server, options.seconds);
      pass &= one.value("pass", true);
      if (text) PrintSandbox(one);
      json["sandbox"].push_back(one);
    }
  }
  if (options.harnesses.empty() || options.families) {
    const Json families = BenchFamilies(project, options.rounds, text);
    if (families.is_null()) {
      if (text) std::printf("\nfamilies of bugs of caching clients: skipped, not built\n");
      json["families"] = {{"skipped", true}};
    } else {
      pass &= families["pass"].get<bool>();
      json["families"] = families;
    }
    const Json faults = BenchFileFaults(project, options.rounds, text);
    if (faults.is_null()) {
      if (text) std::printf("\nfaults of files: skipped, not built\n");
      json["server_faults"] = {{"skipped", true}};
    } else {
      pass &= faults["pass"].get<bool>();
      json["server_faults"] = faults;
    }
  }
  json["pass"] = pass;
  if (options.output.report()) options.output.Write(json);
  return pass ? runner::kAllWell : runner::kFinding;
}

}  // namespace

Verb BenchVerb() {
  const auto options = std::make_shared<BenchOptions>();
  Verb verb("bench", "measure the harnesses and the parser");
  verb.details =
      "Executions a second under libFuzzer, ASan and UBSan, from the seed corpus, of a campaign "
      "and of "
      "the seeds alone, as ratios to an empty target in the same build, by turns, and the edges "
      "that "
      "a campaign reaches; the reply parser against hiredis's "
      "reader; checked reads a second of `invalidate` with a redis-server; with durability, the "
      "crash "
      "states of crash-points that are recovered a second of CPU time; and how soon each "
      "family of bugs of caching clients, and each fault of a server's files, is found from "
      "nothing.";
  verb.examples = {{"bench resp_parser --rounds 3", "measures one harness three times"},
                   {"bench --families", "measures how soon the faults of the canaries are found"}};
  verb.exit_codes = "0 all above their floors, 1 one below, 2 wrong use.";
  verb.Arguments("HARNESS", &options->harnesses, "Harnesses; default: all and the reply parser")
      .Complete(Completion::kHarness);
  verb.Number("--rounds", "N", &options->rounds, 1, 1000, "Rounds, of which the median counts")
      .ShowDefault();
  verb.Seconds("--seconds", "S", &options->seconds, false,
               "About how long one measurement over the seeds takes")
      .ShowDefault();
  verb.Seconds("--campaign", "S", &options->campaign_seconds, false, "CPU time of each campaign")
      .ShowDefault();
  verb.Flag("--families", &options->families,
            "How soon each family of bugs of caching clients, and each fault of files, is found; "
            "with no HARNESS nothing else");
  AddOutputOptions(&verb, &options->output);
  verb.run = [=] { return RunBench(*options); };
  return verb;
}

}  // namespace resprobe::cli
