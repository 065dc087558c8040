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
    const std::optional<Tape> tape =
        harness_->Parse("ops replication\n" + config_ + std::string(ops), &error);
    EXPECT_TRUE(tape) << error;
    return Run(*tape);
  }

  // What a new connection is sent in the next 100 ms.
  std::string Ask(size_t node, std::string_view request) {
    const uint64_t connection = servers_->Dial(node);
    servers_->Send(connection, request);
    servers_->RunUntil(servers_->now_us() + 100'000);
    std::string reply;
    servers_->Receive(connection, &reply);
    servers_->Close(connection);
    return reply;
  }

  std::string config_ =
      "config replicas=1 valkey=no chained=no log=no disk_sync=no small_backlog=no\n";
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

TEST_P(SandboxedServersTest, AReplicaOfAReplicaBeginsInTheDatabaseOfTheStream) {
  config_ = "config replicas=1 valkey=no chained=yes log=no disk_sync=no small_backlog=no\n";
  Run("follow node=2 of=2\ncall at=0 SELECT 5\ncall at=0 SET a 1\nadvance ms=20\n"
      "follow node=2 of=1\nadvance ms=2000\ncall at=0 SET b 2\n");
}

// Server 2 has taken the data of server 0 in place of its own, and starts again without a primary.
TEST_P(SandboxedServersTest, AReplicaLogsWhatItWasSynchronizedWith) {
  config_ = "config replicas=1 valkey=no chained=no log=yes disk_sync=no small_backlog=no\n";
  EXPECT_THAT(Run("follow node=2 of=2\nput at=0 key=0\nput at=5 key=0\nadvance ms=20\n"
                  "follow node=2 of=0\nadvance ms=7000\nkill node=2 power=no\n"
                  "follow node=2 of=2\nrestart node=2\nadvance ms=1000\nread at=5 key=0\n"),
              HasSubstr("server 2: serves write 1"));
}

// Server 2 leaves server 0 for its other replica: nothing is copied.
TEST_P(SandboxedServersTest, AReplicaThatFollowsAnotherOneKeepsItsStream) {
  ASSERT_TRUE(servers_->Reset({.nodes = 3})) << servers_->error();
  EXPECT_THAT(Ask(0, "SET k v\r\n"), HasSubstr("+OK"));
  EXPECT_THAT(Ask(2, "REPLICAOF " + servers_->AddressOf(1) + " 6379\r\n"), HasSubstr("+OK"));
  servers_->RunUntil(servers_->now_us() + 3'000'000);
  const std::string stats = Ask(1, "INFO stats\r\n");
  EXPECT_THAT(stats, HasSubstr("sync_full:0\r\nsync_partial_ok:1\r\n"));
  EXPECT_EQ(servers_->error(), "");
}

INSTANTIATE_TEST_SUITE_P(Servers, SandboxedServersTest,
                         testing::Values("RESPROBE_REDIS_SERVER", "RESPROBE_VALKEY_SERVER"));

}  // namespace
}  // namespace resprobe::live
