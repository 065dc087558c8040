// The same system, run again, is the same to the byte: trace, replies, logs, AOF, RDB, nodes.conf.
// RESPROBE_SANDBOX_REPEATS says how often each runs (2).

#include <gtest/gtest.h>
#include <sched.h>

#include <cstdlib>
#include <ostream>
#include <string>

#include "tests/sandbox/scenarios.h"

namespace resprobe::sandbox {
namespace {

struct System {
  const char* name;
  Scenario run;
  const char* server;  // the variable with its path
};
void PrintTo(const System& system, std::ostream* out) { *out << system.name; }

constexpr const char* kRedis = "RESPROBE_REDIS_SERVER";
constexpr const char* kValkey = "RESPROBE_VALKEY_SERVER";
constexpr System kSystems[] = {
    {"redis_single", RunSingle, kRedis},     {"redis_replicas", RunReplicas, kRedis},
    {"redis_cluster", RunCluster, kRedis},   {"redis_sentinels", RunSentinels, kRedis},
    {"valkey_single", RunSingle, kValkey},   {"valkey_replicas", RunReplicas, kValkey},
    {"valkey_cluster", RunCluster, kValkey}, {"valkey_sentinels", RunSentinels, kValkey},
};

int Repeats() {
  const char* const text = std::getenv("RESPROBE_SANDBOX_REPEATS");
  return text == nullptr ? 2 : std::atoi(text);
}

// The first line in which two texts differ.
std::string FirstDifference(const std::string& a, const std::string& b) {
  size_t at = 0;
  while (at < a.size() && at < b.size() && a[at] == b[at]) ++at;
  const size_t start = a.rfind('\n', at) == a.npos ? 0 : a.rfind('\n', at) + 1;
  return a.substr(start, 200) + "\n -- and then --\n" + b.substr(start, 200);
}

class DeterminismTest : public testing::TestWithParam<System> {};

TEST_P(DeterminismTest, TheSameRunIsTheSame) {
  const char* const program = std::getenv(GetParam().server);
  if (program == nullptr) GTEST_SKIP() << GetParam().server << " is not set";
  cpu_set_t all;
  ASSERT_EQ(sched_getaffinity(0, sizeof(all), &all), 0);
  int cpu = 0;
  while (!CPU_ISSET(static_cast<size_t>(cpu), &all)) ++cpu;

  RunResult first;
  for (int i = 0; i < Repeats(); ++i) {
    SandboxOptions options;
    options.keep_notes = true;
    options.tie_seed = 7;
    if (i % 2 == 1) {  // all on one processor
      options.cpu = cpu;
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(static_cast<size_t>(cpu), &one);
      sched_setaffinity(0, sizeof(one), &one);
    }
    const RunResult result = GetParam().run(program, options);
    sched_setaffinity(0, sizeof(all), &all);
    ASSERT_EQ(result.error, "") << result.seen;
    if (i == 0) {
      first = result;
      continue;
    }
    EXPECT_EQ(result.trace_hash, first.trace_hash) << FirstDifference(first.trace, result.trace);
    EXPECT_EQ(result.notes, first.notes);
    EXPECT_EQ(result.virtual_us, first.virtual_us);
    EXPECT_EQ(result.seen, first.seen);
    EXPECT_EQ(result.files.size(), first.files.size());
    for (const auto& [path, contents] : first.files) {
      const auto found = result.files.find(path);
      ASSERT_NE(found, result.files.end()) << path;
      EXPECT_TRUE(found->second == contents)
          << path << ": " << FirstDifference(contents, found->second);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, DeterminismTest, testing::ValuesIn(kSystems),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace resprobe::sandbox
