#include "cli/bench/bench_sandbox.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "cli/bench/median.h"
#include "runner/files.h"
#include "runner/output.h"
#include "runner/process.h"
#include "sandbox/sandbox.h"
#include "sandbox/sandbox_cluster.h"

namespace resprobe::cli {
namespace {

namespace fs = std::filesystem;
using sandbox::Sandbox;

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kIdle = 60 * kSecond;
constexpr int kCopies = 15;

// Targets of redis; valkey asks its allocator for figures ten times a second.
struct Floors {
  double virtual_seconds;
  double failovers;
};
constexpr Floors kRedis = {250, 40};
constexpr Floors kValkey = {180, 40};
constexpr double kRecoveries = 100;

// What a process has used, in milliseconds.
double CpuOf(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/schedstat");
  double ns = 0;
  file >> ns;
  return ns / 1e6;
}

// What this process, the nodes that live, and all processes that have ended have used.
double CpuOf(Sandbox& system) {
  rusage ended = {};
  getrusage(RUSAGE_CHILDREN, &ended);
  const auto ms = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  };
  double sum = CpuOf(getpid()) + ms(ended.ru_utime) + ms(ended.ru_stime);
  for (size_t i = 0; i < system.size(); ++i) {
    if (system.node(i).up()) sum += CpuOf(system.node(i).pid());
  }
  return sum;
}

// This process is on one processor for its lifetime.
class Pinned {
 public:
  Pinned() {
    sched_getaffinity(0, sizeof(before_), &before_);
    cpu_ = sandbox::PinToThisProcessor();
  }
  ~Pinned() { sched_setaffinity(0, sizeof(before_), &before_); }
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;
  int cpu() const { return cpu_; }

 private:
  cpu_set_t before_ = {};
  int cpu_ = -1;
};

Json BenchCluster(const std::string& server, const Floors& floors) {
  const Pinned pinned;
  const runner::TempFolder temp;
  std::string error;
  const std::unique_ptr<Sandbox> system = Sandbox::Make({.cpu = pinned.cpu()}, &error);
  if (system == nullptr || !sandbox::StartClusterNodes(system.get(), server, temp.path(), &error) ||
      !sandbox::FormCluster(system.get())) {
    return {{"skipped", error.empty() ? "no cluster was formed" : error}};
  }
  const double before = CpuOf(*system);
  const uint64_t turns_before = system->turns();
  system->RunFor(kIdle);
  const double used = CpuOf(*system) - before;
  const auto turns = static_cast<double>(system->turns() - turns_before);
  std::vector<double> failovers;
  for (int i = 0; i < kCopies; ++i) {
    const runner::TempFolder folder;
    const double start = CpuOf(*system);
    std::unique_ptr<Sandbox> copy = system->Copy(folder.path(), &error);
    if (copy == nullptr || sandbox::FailOver(copy.get()).empty()) {
      return {{"skipped", "no failover: " + error}};
    }
    copy.reset();
    failovers.push_back(CpuOf(*system) - start);
  }
  const double virtual_seconds = static_cast<double>(kIdle) / kSecond * 1e3 / used;
  const double per_second = 1e3 / Median(failovers);
  return {{"virtual_seconds_per_cpu_second", virtual_seconds},
          {"virtual_seconds_floor", floors.virtual_seconds},
          {"turn_us", used * 1e3 / turns},
          {"failovers_per_cpu_second", per_second},
          {"failovers_floor", floors.failovers},
          {"pass", virtual_seconds >= floors.virtual_seconds && per_second >= floors.failovers}};
}

}  // namespace

Json BenchSandbox(const fs::path& program, const std::string& server, double seconds) {
  const bool valkey = fs::path(server).filename().string().find("valkey") != std::string::npos;
  Json json = BenchCluster(server, valkey ? kValkey : kRedis);
  json["server"] = fs::path(server).filename();
  if (json.contains("skipped")) return json;
  const runner::TempFolder temp;
  const fs::path report = temp.path() / "report.json";
  const auto time = std::to_string(static_cast<int>(std::max(2.0, 5 * seconds))) + "s";
  runner::RunToEnd({{program, "crash", "--start", server, "--faults", "power,kill", "--time", time,
                     "--format", "json", "--output", report},
                    {{"RESPROBE_WORK_DIR", temp.path() / "work"}}});
  const Json run = Json::parse(runner::ReadFile(report));
  const double recoveries = (run["crashes"].get<double>() + run["crashes_at_calls"].get<double>()) /
                            std::max(run["seconds"].get<double>(), 1e-3);
  json["recoveries_per_second"] = recoveries;
  json["recoveries_floor"] = kRecoveries;
  json["pass"] = json["pass"].get<bool>() && recoveries >= kRecoveries;
  return json;
}

void PrintSandbox(const Json& json) {
  const std::string server = json["server"].get<std::string>();
  if (json.contains("skipped")) {
    std::printf("\nsandbox, %s: skipped, %s\n", server.c_str(),
                json["skipped"].get<std::string>().c_str());
    return;
  }
  const auto number = [&](const char* key) { return json[key].get<double>(); };
  std::printf(
      "\nsandbox, %s: an idle cluster of 6 runs %.0f virtual s per CPU s (>= %.0f), a turn %.1f "
      "us;\n"
      "%.0f copies of it with a failover per CPU s (>= %.0f); %.0f recoveries judged a second "
      "(>= %.0f): %s\n",
      server.c_str(), number("virtual_seconds_per_cpu_second"), number("virtual_seconds_floor"),
      number("turn_us"), number("failovers_per_cpu_second"), number("failovers_floor"),
      number("recoveries_per_second"), number("recoveries_floor"),
      json["pass"].get<bool>() ? "ok" : "TOO SLOW");
}

}  // namespace resprobe::cli
