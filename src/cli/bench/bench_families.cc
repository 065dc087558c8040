#include "cli/bench/bench_families.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "cli/bench/median.h"
#include "runner/harness_process.h"
#include "runner/json.h"
#include "runner/process.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

constexpr double kSecondsMost = 10;  // for the median of the families of bugs of caching clients
constexpr double kGainFloor = 10;    // for each family
constexpr int kRoundsToJudge = 5;
constexpr uint64_t kMostRuns = 2'000'000;
// Random tapes stop after kMostTimes the executions that the engine needed, but not before
// kLeastUnguided.
constexpr uint64_t kMostTimes = 30;
constexpr uint64_t kLeastUnguided = 20'000;

struct Found {
  double seconds = 0;
  uint64_t runs = 0;
};

runner::Command FamilyCommand(const fs::path& binary, const std::string& family) {
  runner::Command command;
  command.argv = {binary};
  command.environment = runner::SanitizerEnvironment(true);
  command.environment.emplace_back("RESPROBE_BUG", family);
  return command;
}

// Runs libFuzzer from an empty corpus. Returns nothing if it does not find the bug.
std::optional<Found> UnderLibFuzzer(const fs::path& binary, const std::string& family, int seed) {
  runner::TempFolder temp;
  runner::MakeFolder(temp.path() / "corpus");
  runner::Command command = FamilyCommand(binary, family);
  // The harness counts executions in this file (driver/progress.h).
  const fs::path progress = temp.path() / "progress";
  runner::WriteFile(progress, std::string(sizeof(uint64_t), '\0'));
  command.environment.emplace_back("RESPROBE_PROGRESS", progress);
  for (const std::string& argument :
       {"-seed=" + std::to_string(seed), "-runs=" + std::to_string(kMostRuns),
        std::string("-len_control=0"), std::string("-print_funcs=0"),
        std::string("-detect_leaks=0"), "-artifact_prefix=" + (temp.path() / "found-").string(),
        (temp.path() / "corpus").string()}) {
    command.argv.push_back(argument);
  }
  const double begin = runner::Now();
  runner::Process process(command);
  bool found = false;
  const auto take = [&](std::string_view line) {
    found |= line.starts_with("== resprobe: violation of ");
  };
  bool running = true;
  while (running) {
    running = process.Pump(1);
    runner::TakeLines(&process.err, take);
    if (runner::Interrupted()) throw runner::Interruption();
  }
  if (!found) return std::nullopt;
  const std::string count = runner::ReadFile(progress);
  uint64_t runs = 0;
  std::memcpy(&runs, count.data(), std::min(sizeof(runs), count.size()));
  return Found{runner::Now() - begin, runs};
}

// The number of tapes from `source` that the harness's verb `random` needed, at most `most`.
struct Unguided {
  bool found = false;
  uint64_t runs = 0;
};
Unguided WithoutGuidance(const fs::path& binary, const std::string& family, const char* source,
                         uint64_t first, uint64_t most) {
  runner::Command command = FamilyCommand(binary, family);
  for (const std::string& argument :
       {std::string("--resprobe"), std::string("random"), std::string(source),
        std::to_string(first), std::to_string(most)}) {
    command.argv.push_back(argument);
  }
  const runner::RunResult result = RunToEnd(command);
  Unguided unguided{result.exit_code == 1, most};
  for (const runner::Fact& fact : runner::ReadFacts(result.out)) {
    if (fact.key == "runs") unguided.runs = std::strtoull(fact.value().c_str(), nullptr, 10);
  }
  return unguided;
}

// A line of families.txt or server_faults.txt.
struct Family {
  fs::path binary;
  std::string name;  // $RESPROBE_BUG
};

std::vector<Family> ReadFamilies(const fs::path& folder, const char* list) {
  std::vector<Family> families;
  std::error_code error;
  if (!fs::exists(folder / list, error)) return families;
  std::string lines = runner::ReadFile(folder / list);
  runner::TakeLines(&lines, [&](std::string_view line) {
    const size_t space = line.find(' ');
    if (space == std::string_view::npos) return;
    families.push_back({folder / line.substr(0, space), std::string(line.substr(space + 1))});
  });
  const bool built = std::ranges::all_of(
      families, [&](const Family& family) { return fs::exists(family.binary, error); });
  return built ? families : std::vector<Family>();
}

// `compares`: with tapes that nothing guides.
Json BenchFamily(const Family& family, int rounds, bool compares) {
  std::vector<double> seconds;
  std::vector<uint64_t> runs;
  std::vector<uint64_t> seeds;
  std::vector<uint64_t> bytes;
  bool all = true;
  bool bytes_all = true;
  for (int round = 1; round <= rounds; ++round) {
    const std::optional<Found> found = UnderLibFuzzer(family.binary, family.name, round);
    if (!found) {
      all = false;
      continue;
    }
    seconds.push_back(found->seconds);
    runs.push_back(found->runs);
    if (!compares) continue;
    const uint64_t most = std::max(kLeastUnguided, found->runs * kMostTimes);
    const uint64_t first = static_cast<uint64_t>(round) * 1'000'000'000;
    seeds.push_back(WithoutGuidance(family.binary, family.name, "seeds", first, most).runs);
    const Unguided uniform = WithoutGuidance(family.binary, family.name, "bytes", first, most);
    bytes_all &= uniform.found;
    bytes.push_back(uniform.runs);
  }
  Json json = {{"name", family.name}, {"found", all && !seconds.empty()}};
  if (seconds.empty()) return json;
  json["seconds"] = Median(seconds);
  json["executions"] = Median(runs);
  if (!compares) return json;
  const auto executions = static_cast<double>(std::max<uint64_t>(1, Median(runs)));
  json["seed_executions"] = Median(seeds);
  json["uniform_executions"] = Median(bytes);
  json["uniform_found"] = bytes_all;
  json["gain"] = static_cast<double>(Median(bytes)) / executions;
  return json;
}

}  // namespace

Json BenchFamilies(const runner::Project& project, int rounds, bool text) {
  const std::vector<Family> families =
      ReadFamilies(project.harnesses.parent_path() / "canaries", "families.txt");
  if (families.empty()) return nullptr;
  if (text) {
    std::printf(
        "\nfamilies of bugs of caching clients   seconds executions  plain seeds  uniform bytes    "
        "gain\n");
  }
  Json json = {{"families", Json::array()}};
  std::vector<double> seconds;
  std::vector<double> gains;
  bool all = true;
  for (const Family& family : families) {
    const Json one = BenchFamily(family, rounds, /*compares=*/true);
    json["families"].push_back(one);
    all &= one["found"].get<bool>();
    if (!one.contains("seconds")) {
      if (text) std::printf("  %-34s not found\n", family.name.c_str());
      continue;
    }
    seconds.push_back(one["seconds"].get<double>());
    gains.push_back(one["gain"].get<double>());
    if (text) {
      std::printf("  %-34s %8.1f %10s %12s %s%13s %7.1f\n", family.name.c_str(), seconds.back(),
                  runner::Grouped(one["executions"].get<uint64_t>()).c_str(),
                  runner::Grouped(one["seed_executions"].get<uint64_t>()).c_str(),
                  one["uniform_found"].get<bool>() ? " " : ">",
                  runner::Grouped(one["uniform_executions"].get<uint64_t>()).c_str(), gains.back());
      std::fflush(stdout);
    }
  }
  const double least = gains.empty() ? 0 : *std::min_element(gains.begin(), gains.end());
  const bool soon = all && Median(seconds) <= kSecondsMost;
  const bool guided = all && least >= kGainFloor;
  json["median_seconds"] = Median(seconds);
  json["median_gain"] = Median(gains);
  json["least_gain"] = least;
  // In a single round one of the families may take long by chance.
  const bool judged = rounds >= kRoundsToJudge;
  json["pass"] = soon && (guided || !judged);
  if (text) {
    std::printf("  median seconds <= %.0f: %s; least gain over uniform bytes >= %.0f: %s\n",
                kSecondsMost, soon ? "pass" : "FAIL", kGainFloor,
                !judged  ? "not judged, with so few rounds"
                : guided ? "pass"
                         : "FAIL");
  }
  return json;
}

Json BenchFileFaults(const runner::Project& project, int rounds, bool text) {
  const std::vector<Family> faults =
      ReadFamilies(project.harnesses.parent_path() / "canaries", "server_faults.txt");
  if (faults.empty()) return nullptr;
  if (text) {
    std::printf("\nfaults of files in rdb, aof and durability       seconds executions\n");
  }
  Json json = {{"faults", Json::array()}, {"pass", true}};
  for (const Family& fault : faults) {
    Json one = BenchFamily(fault, rounds, /*compares=*/false);
    const std::string name = fault.binary.filename().string() + " " + fault.name;
    one["name"] = name;
    if (!one["found"].get<bool>()) json["pass"] = false;
    if (text && one.contains("seconds")) {
      std::printf("  %-46s %8.1f %10s%s\n", name.c_str(), one["seconds"].get<double>(),
                  runner::Grouped(one["executions"].get<uint64_t>()).c_str(),
                  one["found"].get<bool>() ? "" : "  not found in all rounds");
    } else if (text) {
      std::printf("  %-46s not found\n", name.c_str());
    }
    std::fflush(stdout);
    json["faults"].push_back(std::move(one));
  }
  return json;
}

}  // namespace resprobe::cli
