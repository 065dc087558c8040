#include "worlds/replication/replication_world.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "worlds/replication/replication_harness.h"

namespace resprobe {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kStar =
    "ops replication\n"
    "config replicas=1 valkey=no chained=no log=no disk_sync=no small_backlog=no\n";
constexpr std::string_view kChain =
    "ops replication\n"
    "config replicas=1 valkey=no chained=yes log=no disk_sync=no small_backlog=no\n";

class ReplicationWorldTest : public testing::Test {
 protected:
  // The trace of a case that holds.
  std::string Run(std::string_view head, std::string_view ops) {
    std::string error;
    const std::optional<Tape> tape = harness_.Parse(std::string(head) + std::string(ops), &error);
    EXPECT_TRUE(tape) << error;
    RunContext run(Trace::Mode::kText);
    harness_.Run(*tape, run);
    EXPECT_FALSE(run.violated()) << run.violation().invariant << ": expected "
                                 << run.violation().expected << ", seen " << run.violation().seen;
    return run.trace().text();
  }

  ReplicationHarness harness_;
};

TEST_F(ReplicationWorldTest, GeneratedCasesHoldTheSameWayTwice) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    const Tape tape = harness_.Generate(seed);
    uint64_t hash = 0;
    for (int round = 0; round < 2; ++round) {
      RunContext run(Trace::Mode::kHash);
      harness_.Run(tape, run);
      EXPECT_FALSE(run.violated()) << "seed " << seed << ": " << run.violation().invariant
                                   << ", seen " << run.violation().seen;
      if (round == 1) EXPECT_EQ(run.trace().hash(), hash) << "seed " << seed;
      hash = run.trace().hash();
    }
  }
}

TEST_F(ReplicationWorldTest, AReplicaServesWhatItsPrimaryHas) {
  EXPECT_THAT(Run(kStar, "put at=0 key=0\nadvance ms=10\nread at=3 key=0\n"),
              HasSubstr("server 1: serves write 1"));
}

TEST_F(ReplicationWorldTest, WhatIsHeldArrivesLater) {
  const std::string ops = "hold from=0 to=1\nput at=0 key=0\nadvance ms=10\nread at=3 key=0\n";
  EXPECT_THAT(Run(kStar, ops), Not(HasSubstr("serves")));
  EXPECT_THAT(Run(kStar, ops + "release from=0 to=1\nadvance ms=10\nread at=3 key=0\n"),
              HasSubstr("server 1: serves write 1"));
}

TEST_F(ReplicationWorldTest, WhatIsCutOffIsNotConfirmed) {
  EXPECT_THAT(Run(kStar, "put at=0 key=0\nawait at=0 replicas=2 ms=100\n"), HasSubstr("WAIT: 2"));
  EXPECT_THAT(Run(kStar, "cut from=0 to=1 bytes=9\nput at=0 key=0\nawait at=0 replicas=2 ms=100\n"),
              HasSubstr("WAIT: 1"));
  EXPECT_THAT(Run(kStar,
                  "cut from=0 to=1 bytes=9\nput at=0 key=0\nreset a=0 b=1\nadvance ms=1500\n"
                  "await at=0 replicas=2 ms=100\n"),
              HasSubstr("WAIT: 2"));
}

TEST_F(ReplicationWorldTest, APausedServerDoesNotAnswer) {
  const std::string text = Run(kStar,
                               "pause node=1 ms=100\nread at=3 key=0\nadvance ms=1000\n"
                               "put at=0 key=0\nadvance ms=10\nread at=3 key=0\n");
  EXPECT_THAT(text, HasSubstr("server 1: pauses"));
  EXPECT_THAT(text, HasSubstr("server 1: serves write 1"));
}

TEST_F(ReplicationWorldTest, APromotedReplicaKeepsWhatAllHaveConfirmed) {
  EXPECT_THAT(Run(kStar,
                  "put at=0 key=0\nawait at=0 replicas=2 ms=100\nkill node=0 power=yes\n"
                  "promote node=2\nread at=0 key=0\n"),
              HasSubstr("server 2: serves write 1"));
}

TEST_F(ReplicationWorldTest, AReplicaMissesAPrimaryThatHasLostPower) {
  EXPECT_THAT(Run(kStar,
                  "put at=0 key=0\nkill node=0 power=yes\nrestart node=0\n"
                  "advance ms=7000\nput at=0 key=1\nadvance ms=10\nread at=3 key=1\n"),
              HasSubstr("server 1: serves write 2"));
}

TEST_F(ReplicationWorldTest, CommandsThatDoMoreThanChangeKeysAreNotSent) {
  Run(kStar,
      "call at=0 SHUTDOWN\ncall at=0 REPLICAOF NO ONE\ncall at=0 FLUSHALL\n"
      "put at=0 key=0\ncall at=0 DEL r:0\nread at=0 key=0\n");
}

// Found in the core: a replica of a server that was promoted stayed connected under the old id.
TEST_F(ReplicationWorldTest, ReplicasOfAPromotedServerLearnItsNewId) {
  Run(kChain,
      "follow node=1 of=1\nput at=0 key=0\nadvance ms=4856\nadvance ms=2086\n"
      "call at=0 SADD a b\n");
}

}  // namespace
}  // namespace resprobe
