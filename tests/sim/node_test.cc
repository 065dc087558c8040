#include "sim/node.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "sim/core_subject.h"

namespace resprobe {
namespace {

using End = Network::End;

constexpr Network::Endpoint kClient = 0;
constexpr Network::Endpoint kServer = 1;
constexpr int64_t kMs = 1000;

// A client that keeps what it is sent.
class Keeper : public Network::Receiver {
 public:
  void OnAccept(End) override {}
  void OnConnected(End) override { text_ += "connected "; }
  void OnBytes(End, std::string_view bytes) override { text_ += bytes; }
  void OnEnd(End, Network::Farewell, bool refused) override {
    text_ += refused ? "refused" : "end";
  }
  std::string Take() { return std::exchange(text_, ""); }

 private:
  std::string text_;
};

// Remembers how the process ended.
class Disk : public NodeDisk {
 public:
  void Crash(CrashKind kind) override {
    ++crashes;
    last = kind;
  }
  int crashes = 0;
  CrashKind last = CrashKind::kProcess;
};

class NodeTest : public testing::Test {
 protected:
  NodeTest() {
    scheduler_.Reset();
    network_.Reset(2);
    network_.Attach(kClient, &client_);
    node_.Reset(&scheduler_, &network_, kServer, &core_, &disk_);
    node_.Start();
  }
  std::string Run(int64_t ms = 0) {
    scheduler_.RunUntil(scheduler_.now_us() + ms * kMs, /*most=*/1000);
    return client_.Take();
  }

  Scheduler scheduler_;
  Network network_{&scheduler_};
  Keeper client_;
  CoreSubject core_;
  Disk disk_;
  Node node_;
};

TEST_F(NodeTest, ServesByTime) {
  node_.Listen();
  const End end = network_.Dial(kClient, kServer);
  network_.Send(end, "SET a 1\r\nGET ");
  EXPECT_EQ(Run(), "connected +OK\r\n");
  network_.Send(end, "a\r\n");
  EXPECT_EQ(Run(), "$1\r\n1\r\n");
}

TEST_F(NodeTest, ServesByTheTape) {
  const End client = network_.Connect(kClient, kServer);
  const End server = Network::Peer(client);
  node_.Accept(server);
  network_.Attach(kClient, nullptr);
  network_.Send(client, "PING\r\n");
  node_.Deliver(server, network_.Take(server, 3));
  EXPECT_EQ(node_.Collect(server), "");
  node_.Deliver(server, network_.Take(server, 100));
  EXPECT_EQ(node_.Collect(server), "+PONG\r\n");
  EXPECT_EQ(network_.Take(client, 2), "+P");
}

TEST_F(NodeTest, ACrashLosesMemoryAndWhatWasNotSent) {
  network_.Attach(kClient, nullptr);
  const End client = network_.Connect(kClient, kServer);
  const End server = Network::Peer(client);
  node_.Accept(server);
  node_.Deliver(server, "SET a 1\r\n");
  node_.Collect(server);
  node_.Deliver(server, "SET b 1\r\n");  // answered, and nothing of that has left the process
  node_.Crash(CrashKind::kProcess);
  EXPECT_EQ(network_.Take(client, 100), "+OK\r\n");
  EXPECT_TRUE(network_.SeesEnd(client));
  EXPECT_FALSE(node_.up());
  EXPECT_EQ(disk_.crashes, 1);
  EXPECT_EQ(disk_.last, CrashKind::kProcess);

  node_.Start();
  EXPECT_EQ(node_.process(), 2u);
  const End again = network_.Connect(kClient, kServer);
  node_.Accept(Network::Peer(again));
  node_.Deliver(Network::Peer(again), "GET a\r\n");
  EXPECT_EQ(node_.Collect(Network::Peer(again)), "$-1\r\n");
}

TEST_F(NodeTest, PeersOfAMachineWithoutPowerAreNotTold) {
  node_.Listen();
  const End end = network_.Dial(kClient, kServer);
  Run();
  node_.Crash(CrashKind::kMachine);
  network_.Send(end, "PING\r\n");
  EXPECT_EQ(Run(60'000), "");
  EXPECT_TRUE(network_.HalfOpen(end));
  EXPECT_EQ(disk_.last, CrashKind::kMachine);
}

TEST_F(NodeTest, NobodyListensWhereTheProcessIsGone) {
  node_.Listen();
  node_.Crash(CrashKind::kProcess);
  network_.Dial(kClient, kServer);
  EXPECT_EQ(Run(), "refused");
}

TEST_F(NodeTest, TheServerClosesAndTheClientSeesTheEnd) {
  node_.Listen();
  const End end = network_.Dial(kClient, kServer);
  network_.Send(end, "QUIT\r\n");
  EXPECT_EQ(Run(), "connected +OK\r\nend");
  EXPECT_TRUE(node_.ends().empty());
}

TEST_F(NodeTest, KeysExpireByTheNodesOwnClock) {
  const int64_t start = node_.now_ms();
  node_.Listen(/*cron_us=*/100 * kMs);
  const End end = network_.Dial(kClient, kServer);
  network_.Send(end, "SET a 1 PX 1000\r\n");
  EXPECT_EQ(Run(500), "connected +OK\r\n");
  node_.clock().SetDrift(500'000, scheduler_.now_us());  // half as fast again
  Run(300);
  network_.Send(end, "PTTL a\r\n");
  EXPECT_EQ(Run(), ":50\r\n");
  node_.clock().Jump(100 * kMs, scheduler_.now_us());
  network_.Send(end, "EXISTS a\r\n");
  EXPECT_EQ(Run(), ":0\r\n");
  EXPECT_EQ(node_.now_ms() - start, 1050);
}

TEST_F(NodeTest, AServersTimeDoesNotGoBack) {
  node_.Listen();
  const End end = network_.Dial(kClient, kServer);
  network_.Send(end, "SET a 1 PX 1000\r\n");
  Run();
  node_.clock().Jump(-500 * kMs, scheduler_.now_us());
  network_.Send(end, "PTTL a\r\n");
  EXPECT_EQ(Run(400), ":1000\r\n");
  Run(200);
  network_.Send(end, "PTTL a\r\n");
  EXPECT_EQ(Run(), ":900\r\n");
}

TEST_F(NodeTest, BlockedClientsAreServedWithoutBytesOfTheirOwn) {
  node_.Listen(/*cron_us=*/100 * kMs);
  const End waits = network_.Dial(kClient, kServer);
  network_.Send(waits, "BLPOP l 1\r\n");
  EXPECT_EQ(Run(900), "connected ");
  EXPECT_EQ(Run(300), "*-1\r\n");
}

// Servers that follow each other over the network, by time.
class ReplicaNodeTest : public testing::Test {
 protected:
  static constexpr size_t kNodes = 3;

  ReplicaNodeTest() {
    scheduler_.Reset();
    network_.Reset(kNodes + 1);
    network_.Attach(kNodes, &client_);
    for (size_t i = 0; i < kNodes; ++i) {
      nodes_[i].Reset(&scheduler_, &network_, static_cast<Node::Endpoint>(i), &cores_[i]);
      nodes_[i].TakePartInReplication(true);
      Start(i);
    }
  }
  void Start(size_t i) {
    nodes_[i].Start();
    nodes_[i].Listen(/*cron_us=*/100 * kMs);
    ends_[i] = network_.Dial(kNodes, static_cast<Node::Endpoint>(i));
    Run(0);
  }
  std::string Run(int64_t ms) {
    scheduler_.RunUntil(scheduler_.now_us() + ms * kMs, /*most=*/10'000);
    return client_.Take();
  }
  std::string Ask(size_t node, std::string_view line) {
    network_.Send(ends_[node], std::string(line) + "\r\n");
    return Run(0);
  }
  std::string Follow(size_t node, Node::Endpoint of) {
    return Ask(node, "REPLICAOF " + Node::AddressOf(of) + " 6379");
  }

  Scheduler scheduler_;
  Network network_{&scheduler_};
  Keeper client_;
  CoreSubject cores_[kNodes];
  Node nodes_[kNodes];
  End ends_[kNodes] = {};
};

TEST_F(ReplicaNodeTest, AReplicaDialsItsPrimary) {
  Toxic latency;
  latency.kind = ToxicKind::kLatency;
  latency.values[0] = 10;
  network_.SetToxics(1, 0, {&latency, 1});
  EXPECT_EQ(Ask(0, "SET k v"), "+OK\r\n");
  EXPECT_EQ(Follow(1, 0), "+OK\r\n");
  Run(10);
  EXPECT_EQ(Ask(1, "GET k"), "$-1\r\n");
  Run(100);
  EXPECT_EQ(Ask(1, "GET k"), "$1\r\nv\r\n");
  EXPECT_EQ(nodes_[1].dialled().size(), 1u);
  Follow(2, 0);
  Ask(0, "SET k w");
  EXPECT_EQ(Ask(2, "GET k"), "$1\r\nw\r\n");
  EXPECT_EQ(Ask(1, "GET k"), "$1\r\nv\r\n");
  Run(10);
  EXPECT_EQ(Ask(1, "GET k"), "$1\r\nw\r\n");
  EXPECT_EQ(Ask(0, "WAIT 2 0"), "");
  EXPECT_EQ(Run(100), ":2\r\n");
}

TEST_F(ReplicaNodeTest, AReplicaComesBackAfterACrash) {
  Follow(1, 0);
  Ask(0, "SET k v");
  nodes_[0].Crash(CrashKind::kProcess);
  Run(500);  // refused
  EXPECT_EQ(Ask(1, "GET k"), "$1\r\nv\r\n");
  Start(0);
  EXPECT_EQ(Ask(0, "SET l v"), "+OK\r\n");
  Run(2000);
  EXPECT_EQ(Ask(1, "MGET k l"), "*2\r\n$-1\r\n$1\r\nv\r\n");
  EXPECT_EQ(network_.open_ends(), 9u);  // the client has not closed its end of the first process
}

TEST_F(ReplicaNodeTest, TheStreamWaitsBehindAPartition) {
  Follow(1, 0);
  network_.BlockBothWays(1U << 0, 1U << 1);
  Ask(0, "SET k v");
  Run(5000);
  EXPECT_EQ(Ask(1, "GET k"), "$-1\r\n");
  network_.Unblock();
  Run(0);
  EXPECT_EQ(Ask(1, "GET k"), "$1\r\nv\r\n");
  // It takes the primary's place, which becomes its replica.
  EXPECT_EQ(Ask(1, "REPLICAOF NO ONE"), "+OK\r\n");
  EXPECT_EQ(Ask(1, "SET k w"), "+OK\r\n");
  Follow(0, 1);
  EXPECT_EQ(Ask(0, "GET k"), "$1\r\nw\r\n");
}

TEST_F(ReplicaNodeTest, OnlyOtherNodesCanBeFollowed) {
  for (const std::string_view where : {"10.0.0.9 6379", "10.0.0.0 1", "elsewhere 6379"}) {
    EXPECT_EQ(Ask(1, "REPLICAOF " + std::string(where)), "+OK\r\n");
    EXPECT_EQ(Ask(1, "ROLE").substr(0, 4), "*5\r\n");
    EXPECT_TRUE(nodes_[1].dialled().empty());
    Run(5000);
  }
  nodes_[1].TakePartInReplication(false);
  EXPECT_EQ(Ask(1, "REPLICAOF NO ONE").substr(0, 4), "-ERR");
}

}  // namespace
}  // namespace resprobe
