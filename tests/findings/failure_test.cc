#include "findings/failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/user_error.h"
#include "tests/findings/example_failure.h"

namespace resprobe::findings {
namespace {

using ::testing::HasSubstr;

TEST(Failure, IsReadBackFromItsJson) {
  const Failure failure = ExampleFailure();
  std::string missing;
  const Json json = Json::parse(ToJson(failure).dump());
  EXPECT_EQ(ReadFailure(json, "report.json", &missing), failure);
  EXPECT_EQ(missing, "");
}

TEST(Failure, EveryFieldIsInTheJson) {
  // Each key with a value that is not its default: what is left out here is lost on disk.
  const Json json = ToJson(ExampleFailure());
  for (const char* key :
       {"runner",    "harness",   "server", "limits",    "options",    "signature",   "kind",
        "invariant", "statement", "op",     "expected",  "seen",       "frames",      "details",
        "case",      "tape",      "hash",   "minimized", "replays",    "interrupted", "size",
        "engine",    "seed",      "from",   "versions",  "first_seen", "last_seen",   "met",
        "checked",   "state",     "verb"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
}

TEST(Failure, AnEmptyOneIsReadBackToo) {
  Failure failure;
  failure.run.harness = "h";
  failure.what.signature = "s";
  std::string missing;
  EXPECT_EQ(ReadFailure(ToJson(failure), "report.json", &missing), failure);
}

TEST(Failure, AReportOfAnEarlierVersionOfFuzzRunsInAProcess) {
  const Json json = Json::parse(R"({"harness": "query_parser", "signature": "violation:round_trip",
      "case": "ops query_parser\n", "minimized": true, "limits": {"timeout": 1, "rss": 0}})");
  std::string missing;
  const Failure failure = ReadFailure(json, "report.json", &missing);
  EXPECT_EQ(failure.run.runner, "process");
  EXPECT_EQ(failure.run.limits.timeout_seconds, 1);
  EXPECT_EQ(failure.run.limits.rss_mb, RunLimits().rss_mb);
  EXPECT_TRUE(failure.input.minimized);
  EXPECT_EQ(missing, "");
}

TEST(Failure, AReportOfAnEarlierVersionOfOracleSaysThatItsServerIsMissing) {
  const Json json = Json::parse(R"({"harness": "command_handler", "signature": "get: x",
      "core": "1", "command": "get", "server": "redis 7.0.15", "profile": "redis-7.0"})");
  std::string missing;
  const Failure failure = ReadFailure(json, "report.json", &missing);
  EXPECT_EQ(failure.run.runner, "oracle");
  EXPECT_EQ(failure.run.server.version, "redis 7.0.15");
  EXPECT_THAT(missing, HasSubstr("--start COMMAND"));
}

TEST(Failure, WhatIsNoReportIsRefusedByName) {
  std::string missing;
  for (const char* text : {"{}", "[]", "7", R"({"harness": 7})"}) {
    try {
      ReadFailure(Json::parse(text), "x/report.json", &missing);
      ADD_FAILURE() << text;
    } catch (const runner::UserError& error) {
      EXPECT_THAT(error.what(), HasSubstr("x/report.json: is no report of a finding"));
    }
  }
}

TEST(Failure, AServerIsKnownByItsCommandOrItsName) {
  ServerSpec started;
  started.start = "my-server --port {port} --mode a";
  ServerSpec same = started;
  same.version = "mine 2.0";
  EXPECT_EQ(started.Identity(), same.Identity());
  same.start = "my-server --port {port} --mode b";
  EXPECT_NE(started.Identity(), same.Identity());
  ServerSpec running;
  running.address = "127.0.0.1:7001";
  running.version = "redis 7.0.15";
  ServerSpec elsewhere = running;
  elsewhere.address = "127.0.0.1:7002";
  EXPECT_EQ(running.Identity(), elsewhere.Identity());
  running.version = elsewhere.version = "a server without a name";
  EXPECT_NE(running.Identity(), elsewhere.Identity());
}

TEST(Failure, AllEndsByASignalAreOneFailure) {
  EXPECT_TRUE(SameFailure("signal::f|g", "signal::h"));
  EXPECT_TRUE(SameFailure("assert:a.c:1 f `x':g|h", "assert:a.c:1 f `x':a.out+0x1"));
  EXPECT_FALSE(SameFailure("assert:a.c:1 f `x':g", "assert:a.c:2 f `y':g"));
  EXPECT_TRUE(SameFailure("violation:a", "violation:a"));
  EXPECT_FALSE(SameFailure("violation:a", "violation:b"));
}

}  // namespace
}  // namespace resprobe::findings
