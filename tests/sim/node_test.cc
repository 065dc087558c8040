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

}  // namespace
}  // namespace resprobe
