#include "cli/bench/bench_crash_points.h"

#include <cstdio>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "engine/arena.h"
#include "engine/ops_text.h"
#include "engine/run_context.h"
#include "runner/output.h"
#include "runner/user_error.h"
#include "worlds/durability/crash_points.h"

namespace resprobe::cli {
namespace {

constexpr double kLeastRecoveries = 20'000;

// Under everysec much is pending at each call. 30 commands of clients.
constexpr std::string_view kCase = R"(ops durability
config policy=everysec
call client=0 SET a 1
call client=0 RPUSH list one two three
call client=1 HSET hash field value other 17
call client=0 ZADD board 1 ann 2.5 bob
call client=1 SADD set 1 2 3
call client=0 SET session 0123456789012345678901234567890123456789 EX 100
call client=0 INCR n
call client=1 INCR n
call client=0 LPOP list
advance ms=500
call client=0 MULTI
call client=0 INCR n
call client=0 SET b 2
call client=0 EXEC
call client=1 EXPIRE hash 60
call client=1 SREM set 2
advance ms=600
call client=0 APPEND a 23456
thread
call client=0 DEL session
call client=1 ZINCRBY board 3 ann
save kind=rewrite
call client=0 SET c 3
child calls=3
call client=1 RPUSH list four
call client=1 HDEL hash other
child
call client=0 INCRBYFLOAT f 1.5
advance ms=100
call client=0 GETDEL c
call client=1 SETRANGE a 3 xyz
call client=0 RENAME a d
advance ms=1000
thread
call client=1 SINTERSTORE both set set
call client=0 SET e 5 PX 5000
call client=1 HINCRBY hash field 1
call client=0 PERSIST hash
call client=0 LTRIM list 0 1
call client=1 FLUSHDB
)";

double CpuSeconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

}  // namespace

Json BenchCrashPoints(double seconds) {
  Arena arena;
  Case<DurabilityWorld> c;
  const std::string error = Parse(kCase, &arena, &c);
  if (!error.empty()) throw runner::UserError("bench of crash points: " + error);
  Json json = {{"floor", kLeastRecoveries}, {"levels", Json::array()}, {"pass", true}};
  CrashPoints points;
  for (const CrashLevel level : {CrashLevel::kPrefix, CrashLevel::kReordered, CrashLevel::kWeak}) {
    uint64_t states = 0;
    uint64_t runs = 0;
    const double begin = CpuSeconds();
    double took = 0;
    while (took < seconds) {
      RunContext run;
      if (!points.Run(c.config, c.ops, {.level = level, .states_per_point = 1000}, run) ||
          points.failure()) {
        throw runner::UserError("bench of crash points: its case fails");
      }
      states += points.counts().run;
      ++runs;
      took = CpuSeconds() - begin;
    }
    const double rate = static_cast<double>(states) / took;
    const bool pass = rate >= kLeastRecoveries;
    json["levels"].push_back({{"level", std::string(kCrashLevelNames[static_cast<size_t>(level)])},
                              {"states", states / runs},
                              {"per_second", rate},
                              {"pass", pass}});
    if (!pass) json["pass"] = false;
  }
  return json;
}

void PrintCrashPoints(const Json& json) {
  std::printf("\ncrash states of a case of 30 commands, recovered and judged\n");
  for (const Json& level : json["levels"]) {
    std::printf("  %-10s %8s states  %10s a second of CPU time  >= %s: %s\n",
                level["level"].get<std::string>().c_str(),
                runner::Grouped(level["states"].get<uint64_t>()).c_str(),
                runner::Grouped(static_cast<uint64_t>(level["per_second"].get<double>())).c_str(),
                runner::Grouped(static_cast<uint64_t>(kLeastRecoveries)).c_str(),
                level["pass"].get<bool>() ? "pass" : "FAIL");
  }
  std::fflush(stdout);
}

}  // namespace resprobe::cli
