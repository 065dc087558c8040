#include "cli/bench/bench_oracle.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <vector>

#include "cli/bench/median.h"
#include "live/server/server_process.h"
#include "runner/files.h"
#include "runner/json.h"
#include "runner/process.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

constexpr double kLeastOfBenchmark = 0.5;

// The median of its tests, each with a different command.
double Benchmark(const std::string& socket) {
  const runner::RunResult result =
      runner::RunToEnd({{"redis-benchmark", "-s", socket, "-c", "1", "-P", "16", "-n", "200000",
                         "-t", "set,get,incr,lpush,sadd,hset,zadd", "--csv"},
                        {}});
  std::vector<double> speeds;
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);) {
    // "SET","183150.19",…
    const size_t at = line.find("\",\"");
    const double speed = at == std::string::npos ? 0 : std::strtod(line.c_str() + at + 3, nullptr);
    if (speed > 0) speeds.push_back(speed);
  }
  if (speeds.empty()) throw runner::UserError("redis-benchmark: printed no figures");
  return Median(speeds);
}

}  // namespace

Json BenchOracle(const std::filesystem::path& program, int rounds, double seconds) {
  std::error_code missing;
  if (!std::filesystem::exists(program, missing)) return {{"skipped", "resprobe is not built"}};
  try {
    runner::RunToEnd({{"redis-benchmark", "--version"}, {}});
  } catch (const runner::UserError&) {
    return {{"skipped", "there is no redis-benchmark"}};
  }
  std::string error;
  const auto server = live::ServerProcess::Start({}, &error);
  if (server == nullptr) return {{"skipped", error}};
  const runner::TempFolder temp;
  std::vector<double> cases;
  std::vector<double> all;
  std::vector<double> yardstick;
  std::vector<double> ratio;
  for (int round = 0; round < rounds; ++round) {
    yardstick.push_back(Benchmark(server->socket_path()));
    const auto time = std::to_string(static_cast<int>(std::max(1.0, 3 * seconds))) + "s";
    const auto report = temp.path() / "report.json";
    const runner::RunResult result = runner::RunToEnd(
        {{program, "oracle", "--unix", server->socket_path(), "--flush", "--time", time, "--seed",
          std::to_string(1 + round), "--format", "json", "--output", report},
         {{"RESPROBE_WORK_DIR", temp.path() / "work"}}});
    if (result.exit_code != runner::kAllWell) {
      throw runner::UserError(
          "bench of the oracle: " + result.err.substr(0, result.err.find('\n')) + " (exit code " +
          std::to_string(result.exit_code) + ")");
    }
    const Json json = Json::parse(runner::ReadFile(report));
    const double took = std::max(json["seconds"].get<double>(), 1e-3);
    cases.push_back(json["requests"].get<double>() / took);
    all.push_back((json["requests"].get<double>() + json["state"].get<double>()) / took);
    ratio.push_back(all.back() / yardstick.back());
  }
  return {{"cases_per_second", Median(cases)},
          {"per_second", Median(all)},
          {"redis_benchmark_per_second", Median(yardstick)},
          {"ratio", Median(ratio)},
          {"floor", kLeastOfBenchmark},
          {"pass", Median(ratio) >= kLeastOfBenchmark}};
}

void PrintOracle(const Json& json) {
  if (json.contains("skipped")) {
    std::printf("\noracle against redis-benchmark: skipped, %s\n",
                json["skipped"].get<std::string>().c_str());
    return;
  }
  const auto number = [&](const char* key) {
    return runner::Grouped(static_cast<uint64_t>(json[key].get<double>()));
  };
  std::printf(
      "\noracle: %s commands compared a second (%s of the cases, the others of what they left);\n"
      "redis-benchmark -c 1 -P 16: %s\n  ratio %.2f >= %.1f: %s\n",
      number("per_second").c_str(), number("cases_per_second").c_str(),
      number("redis_benchmark_per_second").c_str(), json["ratio"].get<double>(), kLeastOfBenchmark,
      json["pass"].get<bool>() ? "pass" : "FAIL");
}

}  // namespace resprobe::cli
