// Cases of the harness replication on real servers in a sandbox.

#include "live/replication/sandboxed_servers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "worlds/replication/replication_harness.h"

namespace resprobe::live {
namespace {

using testing::HasSubstr;

class SandboxedServersTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const char* const program = std::getenv(GetParam());
    if (program == nullptr) GTEST_SKIP() << GetParam() << " is not set";
    auto servers = std::make_unique<SandboxedServers>(SandboxedServers::Options{
        .program = program, .arguments = {}, .cpu = sandbox::PinToThisProcessor(), .harness = {}});
    servers_ = servers.get();
    harness_ = std::make_unique<ReplicationHarness>(std::in_place, std::move(servers));
  }

  // The trace of a case that holds.
  std::string Run(const Tape& tape) {
    RunContext run(Trace::Mode::kText);
    harness_->Run(tape, run);
    EXPECT_EQ(servers_->error(), "");
    EXPECT_FALSE(run.violated()) << run.violation().invariant << ": expected "
                                 << run.violation().expected << ", seen " << run.violation().seen;
    return run.trace().text();
  }
  std::string Run(std::string_view ops) {
    std::string error;
    const std::optional<Tape> tape = harness_->Parse(
        "ops replication\n"
        "config replicas=1 valkey=no chained=no log=no disk_sync=no small_backlog=no\n" +
            std::string(ops),
        &error);
    EXPECT_TRUE(tape) << error;
    return Run(*tape);
  }

  SandboxedServers* servers_ = nullptr;
  std::unique_ptr<ReplicationHarness> harness_;
};

TEST_P(SandboxedServersTest, GeneratedCasesHoldTheSameWayTwice) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    const Tape tape = harness_->Generate(seed);
    const std::string text = Run(tape);
    const uint64_t hash = servers_->trace_hash();
    EXPECT_EQ(Run(tape), text) << "seed " << seed;
    EXPECT_EQ(servers_->trace_hash(), hash) << "seed " << seed;
  }
}

TEST_P(SandboxedServersTest, WhatIsCutOffIsNotConfirmed) {
  EXPECT_THAT(Run("put at=0 key=0\nawait at=0 replicas=2 ms=100\n"), HasSubstr("WAIT: 2"));
  EXPECT_THAT(Run("cut from=0 to=1 bytes=9\nput at=0 key=0\nawait at=0 replicas=2 ms=100\n"),
              HasSubstr("WAIT: 1"));
}

TEST_P(SandboxedServersTest, APromotedReplicaKeepsWhatAllHaveConfirmed) {
  EXPECT_THAT(Run("put at=0 key=0\nawait at=0 replicas=2 ms=100\nkill node=0 power=yes\n"
                  "promote node=2\nread at=0 key=0\n"),
              HasSubstr("server 2: serves write 1"));
}

TEST_P(SandboxedServersTest, ScriptsAndStreamsAreReplicatedByEffect) {
  Run("script at=0 key=0 kind=time\nscript at=0 key=1 kind=random\nscript at=0 key=2 "
      "kind=set-and-pop\nadvance ms=20\n");
}

INSTANTIATE_TEST_SUITE_P(Servers, SandboxedServersTest,
                         testing::Values("RESPROBE_REDIS_SERVER", "RESPROBE_VALKEY_SERVER"));

}  // namespace
}  // namespace resprobe::live
