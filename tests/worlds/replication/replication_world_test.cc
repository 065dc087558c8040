#include "worlds/replication/replication_world.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "worlds/replication/core_servers.h"
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

// --- Servers with a planted fault, one for each invariant.

// Replies of a server, changed on their way to clients.
class ChangedReplies : public CoreServers {
 public:
  using Change = void (*)(size_t node, std::string* reply);

  explicit ChangedReplies(Change change) : change_(change) {}
  uint64_t Dial(size_t node) override {
    const uint64_t connection = CoreServers::Dial(node);
    nodes_[connection] = node;
    return connection;
  }
  bool Receive(uint64_t connection, std::string* append) override {
    std::string reply;
    const bool open = CoreServers::Receive(connection, &reply);
    change_(nodes_[connection], &reply);
    append->append(reply);
    return open;
  }

 private:
  const Change change_;
  std::map<uint64_t, size_t> nodes_;
};

std::unique_ptr<ReplicatedServers> Changed(ChangedReplies::Change change) {
  return std::make_unique<ChangedReplies>(change);
}

// The first invariant that a case violates.
std::string Violated(std::unique_ptr<ReplicatedServers> servers, std::string_view ops) {
  ReplicationHarness harness(std::in_place, std::move(servers));
  std::string error;
  const std::optional<Tape> tape = harness.Parse(std::string(kStar) + std::string(ops), &error);
  EXPECT_TRUE(tape) << error;
  RunContext run;
  harness.Run(*tape, run);
  return run.violated() ? run.violation().invariant : "";
}

constexpr std::string_view kPutAndRead = "put at=0 key=0\nadvance ms=10\nread at=0 key=0\n";
constexpr std::string_view kFirstWrite = "$1\r\n1\r\n";

TEST_F(ReplicationWorldTest, AValueThatNobodyHasSentIsSeen) {
  EXPECT_EQ(Violated(Changed([](size_t, std::string* reply) {
                       if (reply->ends_with(kFirstWrite)) (*reply)[reply->size() - 3] = '7';
                     }),
                     kPutAndRead),
            "never_had");
}

TEST_F(ReplicationWorldTest, AnAcceptedWriteThatIsGoneIsSeen) {
  EXPECT_EQ(Violated(Changed([](size_t, std::string* reply) {
                       if (!reply->ends_with(kFirstWrite)) return;
                       reply->resize(reply->size() - kFirstWrite.size());
                       reply->append("$-1\r\n");
                     }),
                     kPutAndRead),
            "keeps");
}

TEST_F(ReplicationWorldTest, AReplicaThatTakesAWriteIsSeen) {
  EXPECT_EQ(Violated(Changed([](size_t, std::string* reply) {
                       if (reply->starts_with("-READONLY")) *reply = "+OK\r\n";
                     }),
                     "put at=3 key=0\n"),
            "read_only");
}

TEST_F(ReplicationWorldTest, AReplicaThatDoesNotFollowIsSeen) {
  struct HoldsForEver : CoreServers {
    void Release(size_t, size_t) override {}
  };
  EXPECT_EQ(Violated(std::make_unique<HoldsForEver>(), "hold from=0 to=1\nput at=0 key=0\n"),
            "converges");
}

TEST_F(ReplicationWorldTest, AReplicaWithOtherContentsIsSeen) {
  EXPECT_EQ(Violated(Changed([](size_t node, std::string* reply) {
                       constexpr size_t kDigest = 1 + 40;
                       if (node == 1 && reply->starts_with('+') && reply->size() > kDigest) {
                         (*reply)[1] = (*reply)[1] == '0' ? '1' : '0';
                       }
                     }),
                     kPutAndRead),
            "replicas_equal");
}

TEST_F(ReplicationWorldTest, AServerThatTakesNoWriteAtTheEndIsSeen) {
  struct LosesTheLastWrite : CoreServers {
    void Send(uint64_t connection, std::string_view bytes) override {
      if (!bytes.contains("r:end")) CoreServers::Send(connection, bytes);
    }
  };
  EXPECT_EQ(Violated(std::make_unique<LosesTheLastWrite>(), kPutAndRead), "goes_on");
}

TEST_F(ReplicationWorldTest, AServerThatDropsAReplicaIsSeen) {
  struct DropsOnWait : CoreServers {
    void Send(uint64_t connection, std::string_view bytes) override {
      CoreServers::Send(connection, bytes);
      if (bytes.contains("r:none")) ResetLinks(0, 1);
    }
  };
  EXPECT_EQ(Violated(std::make_unique<DropsOnWait>(), kPutAndRead), "keeps_links");
}

TEST_F(ReplicationWorldTest, AServerThatEndsByItselfIsSeen) {
  struct Ends : CoreServers {
    std::string Ending(size_t node) const override { return node == 1 ? "signal 11" : ""; }
  };
  EXPECT_EQ(Violated(std::make_unique<Ends>(), kPutAndRead), "stays_up");
}

}  // namespace
}  // namespace resprobe
