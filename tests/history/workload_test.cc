#include "history/workload.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "history/specification.h"

namespace resprobe::history {
namespace {

std::vector<Operation> Some(Workload* workload, uint32_t client, size_t count) {
  std::vector<Operation> some(count);
  for (Operation& operation : some) operation.requests = workload->Next(client).bytes;
  return some;
}

TEST(WorkloadTest, AClientDoesTheSameWhateverTheOthersDo) {
  Workload one({.seed = 7});
  Workload other({.seed = 7});
  Some(&other, 1, 50);
  const std::vector<Operation> a = Some(&one, 0, 50);
  const std::vector<Operation> b = Some(&other, 0, 50);
  for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].requests, b[i].requests);
}

TEST(WorkloadTest, EveryOperationCanBeChecked) {
  std::map<std::string, size_t> commands;
  std::set<std::string> values;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    Workload workload({.seed = seed});
    for (const Operation& operation : Some(&workload, 2, 50)) {
      EXPECT_EQ(FactsOf(operation, Profile::kRedis70).refused, "") << RequestsText(operation);
      std::vector<std::vector<std::string>> requests;
      ASSERT_TRUE(RequestsOf(operation, &requests));
      for (const auto& request : requests) {
        ++commands[request[0]];
        if (request[0] == "SET") {
          EXPECT_TRUE(values.insert(std::to_string(seed) + request[2]).second) << request[2];
        }
      }
    }
  }
  // Over the seeds the swarm leaves nothing out.
  for (const char* name : {"GET", "INCR", "LMOVE", "HINCRBY", "SMOVE", "ZINCRBY", "SETBIT", "MSET",
                           "RENAME", "MULTI", "EXEC"}) {
    EXPECT_GT(commands[name], 0u) << name;
  }
}

TEST(WorkloadTest, OnlyWhatTheServerHas) {
  const std::set<std::string, std::less<>> has = {"get", "set"};
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Workload workload({.seed = seed, .keys = 3, .has = [&](std::string_view name) {
                         return has.contains(name);
                       }});
    ASSERT_TRUE(workload.possible());
    for (const Operation& operation : Some(&workload, 0, 20)) {
      const std::string text = RequestsText(operation);
      EXPECT_TRUE(text.starts_with("GET ") || text.starts_with("SET ")) << text;
    }
    for (const Workload::Request& read : workload.ReadAll()) {
      EXPECT_NE(read.bytes.find("GET"), std::string::npos);
    }
  }
  EXPECT_FALSE(Workload({.has = [](std::string_view) { return false; }}).possible());
}

}  // namespace
}  // namespace resprobe::history
