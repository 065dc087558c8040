// The oracle on a server in a sandbox, whose time is the case's.

#include <gtest/gtest.h>

#include <cstdlib>

#include "engine/ops_text.h"
#include "live/net/resp_probe.h"
#include "live/oracle/oracle.h"

namespace resprobe::live {
namespace {

using CommandCase = Case<CommandWorld>;

class SandboxOracleTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const char* const program = std::getenv(GetParam());
    if (program == nullptr) GTEST_SKIP() << GetParam() << " is not set";
    std::string error;
    target_ = LiveServer::Open({.start = program, .sandbox = true}, &error);
    ASSERT_NE(target_, nullptr) << error;
    OracleOptions options;
    target_->ProfileOf(&options.profile);
    oracle_ = std::make_unique<Oracle>(target_.get(), options);
    ASSERT_TRUE(oracle_->Prepare(&error)) << error;
  }

  CommandCase CaseOf(const std::string& ops) {
    CommandCase c;
    EXPECT_EQ(Parse("ops command_handler\n" + ops, &arena_, &c), "");
    return c;
  }
  std::string Run(const std::string& ops) {
    const std::optional<Difference> difference = oracle_->Run(CaseOf(ops));
    return difference ? difference->Signature() + ": " + difference->core + " " + difference->server
                      : "";
  }

  std::unique_ptr<LiveServer> target_;
  std::unique_ptr<Oracle> oracle_;
  Arena arena_;
};

TEST_P(SandboxOracleTest, TimesToLiveAreTheSameToTheMillisecond) {
  EXPECT_EQ(Run("call client=0 SET a 1 PX 1000\n"
                "call client=0 SET b 1 EX 5\n"
                "advance ms=999\n"
                "call client=0 PTTL a\n"
                "call client=1 GET a\n"
                "advance ms=1\n"
                "call client=0 GET a\n"
                "advance ms=1\n"
                "call client=0 PTTL a\n"
                "call client=0 EXISTS a b\n"
                "call client=0 PTTL b\n"
                "call client=0 PEXPIRETIME b\n"
                "advance ms=86400000\n"
                "call client=0 EXISTS a b\n"),
            "");
  EXPECT_GT(oracle_->counts().requests, 9u);
}

TEST_P(SandboxOracleTest, AMillisecondIsADifference) {
  const CommandCase c = CaseOf("call client=0 SET a 1 PX 1000\n");
  oracle_->Begin(c.config);
  target_->SetClock(target_->now_ms() - 1);
  oracle_->Step(std::get<CommandWorld::Call>(c.ops[0]));
  oracle_->Finish();
  ASSERT_TRUE(oracle_->difference());
  EXPECT_EQ(oracle_->difference()->Signature(), "state: pexpiretime: value of integer");
}

// What a case has left is compared before the next one sets the clock.
TEST_P(SandboxOracleTest, ADifferenceIsToldWithItsCase) {
  const CommandCase c = CaseOf("call client=0 SET a 1 PX 1000\n");
  std::string error;
  ASSERT_FALSE(oracle_->RunAhead(c));
  RespProbe probe([this](std::string* why) { return target_->Dial(why); }, 1000, target_->stop());
  ASSERT_TRUE(probe.Ask("CONFIG SET set-max-intset-entries 1"));
  const auto difference = oracle_->RunAhead(CaseOf("call client=0 SADD s 1 2\n"));
  ASSERT_TRUE(difference);
  EXPECT_EQ(difference->Signature(), "state: object|encoding: value of bulk string");
  EXPECT_FALSE(oracle_->RunAhead(c));
}

TEST_P(SandboxOracleTest, AServerThatEndsIsSeenAndStartedAgain) {
  std::string error;
  EXPECT_EQ(Run("call client=0 SET a 1\n"), "");
  RespProbe probe([this](std::string* why) { return target_->Dial(why); }, 1000, target_->stop());
  EXPECT_FALSE(probe.Ask("DEBUG SEGFAULT"));
  const std::optional<ServerEnd> end = target_->AwaitEnd(1000);
  ASSERT_TRUE(end);
  EXPECT_TRUE(end->what.starts_with("signal 11")) << end->what;
  ASSERT_TRUE(oracle_->Prepare(&error, /*fresh=*/true)) << error;
  EXPECT_EQ(Run("call client=0 SET a 1\n"), "");
}

INSTANTIATE_TEST_SUITE_P(All, SandboxOracleTest,
                         testing::Values("RESPROBE_REDIS_SERVER", "RESPROBE_VALKEY_SERVER"),
                         [](const auto& info) {
                           return std::string(info.param).contains("REDIS") ? "redis" : "valkey";
                         });

}  // namespace
}  // namespace resprobe::live
