// A real server where the worlds have the core: in a node, and in a world.

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "sandbox/sandbox_subject.h"
#include "sim/node.h"
#include "worlds/invalidation/invalidation_harness.h"

namespace resprobe::sandbox {
namespace {

class SandboxSubjectTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const char* const program = std::getenv(GetParam());
    if (program == nullptr) GTEST_SKIP() << GetParam() << " is not set";
    std::string error;
    subject_ = SandboxSubject::Make({.program = program}, &error);
    ASSERT_NE(subject_, nullptr) << error;
  }
  std::string Ask(uint64_t connection, const std::string& line) {
    subject_->Send(connection, line + "\r\n");
    std::string reply;
    subject_->Receive(connection, &reply);
    return reply;
  }

  std::unique_ptr<SandboxSubject> subject_;
};

TEST_P(SandboxSubjectTest, AnswersAndExpiresAndIsFreshAgain) {
  uint64_t first_hash = 0;
  for (int run = 0; run < 3; ++run) {
    subject_->Reset();
    EXPECT_EQ(subject_->now_ms(), 1'700'000'000'000u);
    const uint64_t a = subject_->Connect();
    const uint64_t b = subject_->Connect();
    EXPECT_NE(a, b);
    EXPECT_EQ(Ask(a, "SET k 1 PX 5000"), "+OK\r\n");
    subject_->Advance(4999);
    EXPECT_EQ(Ask(b, "PTTL k"), ":1\r\n");
    subject_->Advance(2);
    EXPECT_EQ(Ask(b, "GET k"), "$-1\r\n");
    const std::string large(200'000, 'x');
    EXPECT_EQ(Ask(a, "*3\r\n$3\r\nSET\r\n$1\r\nl\r\n$200000\r\n" + large), "+OK\r\n");
    EXPECT_EQ(Ask(b, "GET l").size(), large.size() + 11);
    subject_->Close(a);
    EXPECT_FALSE(subject_->IsOpen(a));
    EXPECT_EQ(Ask(b, "QUIT"), "+OK\r\n");
    EXPECT_FALSE(subject_->IsOpen(b));
    if (run == 0) first_hash = subject_->trace_hash();
    EXPECT_EQ(subject_->trace_hash(), first_hash);
  }
}

TEST_P(SandboxSubjectTest, ANodeOfTheSimulationRunsIt) {
  Scheduler scheduler;
  Network network(&scheduler);
  Node node;
  scheduler.Reset();
  network.Reset(2);
  node.Reset(&scheduler, &network, 1, subject_.get());
  node.Start();
  const Network::End client = network.Connect(0, 1);
  node.Accept(Network::Peer(client));
  node.Deliver(Network::Peer(client), "INCR n\r\nINCR n\r\n");
  node.CollectAll();
  EXPECT_EQ(network.Take(client, 100), ":1\r\n:2\r\n");
  node.Crash(CrashKind::kProcess);
  node.Start();
  const Network::End again = network.Connect(0, 1);
  node.Accept(Network::Peer(again));
  node.Deliver(Network::Peer(again), "INCR n\r\n");
  node.CollectAll();
  EXPECT_EQ(network.Take(again, 100), ":1\r\n");
}

// The same cases give the same traces, and break nothing.
TEST_P(SandboxSubjectTest, AWorldRunsOnIt) {
  OpsHarness<InvalidationWorld> harness(std::in_place, subject_.get(), cache::Policy());
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    const Tape tape = harness.Generate(seed);
    uint64_t hashes[2];
    for (uint64_t& hash : hashes) {
      RunContext run;
      harness.Run(tape, run);
      EXPECT_EQ(subject_->error(), "");
      ASSERT_FALSE(run.violated()) << "seed " << seed << ": " << run.violation().invariant << ", "
                                   << run.violation().expected << ", " << run.violation().seen;
      hash = subject_->trace_hash();
    }
    EXPECT_EQ(hashes[0], hashes[1]) << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(All, SandboxSubjectTest,
                         testing::Values("RESPROBE_REDIS_SERVER", "RESPROBE_VALKEY_SERVER"),
                         [](const auto& info) {
                           return std::string(info.param).contains("REDIS") ? "redis" : "valkey";
                         });

}  // namespace
}  // namespace resprobe::sandbox
