#include "sim/network.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <initializer_list>
#include <new>
#include <optional>
#include <set>
#include <utility>

namespace {

size_t allocations = 0;

}  // namespace

// Counts what this program allocates, except under ThreadSanitizer, which has these operators
// itself.
#if !__has_feature(thread_sanitizer)
#define COUNTS_ALLOCATIONS
void* operator new(size_t size) {
  ++allocations;
  void* const block = std::malloc(size);
  if (block == nullptr) std::abort();
  return block;
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, size_t) noexcept { std::free(block); }
#endif

namespace resprobe {
namespace {

using End = Network::End;
using Farewell = Network::Farewell;

constexpr int64_t kMs = 1000;

// Writes down what an endpoint is told, with the time in milliseconds.
class Recorder : public Network::Receiver {
 public:
  explicit Recorder(Scheduler* scheduler) : scheduler_(scheduler) {}

  void OnAccept(End end) override {
    accepted = end;
    Note("accept");
  }
  void OnConnected(End) override { Note("connected"); }
  void OnBytes(End end, std::string_view bytes) override {
    Note("'" + std::string(bytes) + "'");
    if (echo != nullptr) echo->Send(end, bytes);
  }
  void OnEnd(End, Farewell how, bool refused) override {
    Note(refused ? "refused" : how == Farewell::kReset ? "reset" : "end");
  }

  std::string Take() { return std::exchange(text_, ""); }

  End accepted = End::kNone;
  Network* echo = nullptr;  // sends back what it is sent

 private:
  void Note(const std::string& what) {
    text_ += std::to_string(scheduler_->now_us() / kMs) + ":" + what + " ";
  }

  Scheduler* scheduler_;
  std::string text_;
};

class NetworkTest : public testing::Test {
 protected:
  NetworkTest() { Reset(); }
  void Reset() {
    scheduler_.Reset();
    network_.Reset(4);
  }
  void AttachAll() {
    network_.Attach(0, &a_);
    network_.Attach(1, &b_);
  }
  void Toxics(std::initializer_list<std::string_view> texts) {
    std::vector<Toxic> toxics;
    std::string error;
    for (const std::string_view text : texts) {
      const std::optional<Toxic> toxic = ParseToxic(text, &error);
      ASSERT_TRUE(toxic) << error;
      toxics.push_back(*toxic);
    }
    network_.SetToxics(0, 1, toxics);
  }
  void RunAll() {
    for (int i = 0; i < 1000 && scheduler_.RunNext(); ++i) {
    }
  }

  Scheduler scheduler_;
  Network network_{&scheduler_};
  Recorder a_{&scheduler_};
  Recorder b_{&scheduler_};
};

// --- By the tape.

TEST_F(NetworkTest, TheTapeDecidesHowManyBytesArrive) {
  const End a = network_.Connect(0, 1);
  const End b = Network::Peer(a);
  EXPECT_EQ(network_.EndpointOf(a), 0);
  EXPECT_EQ(network_.EndpointOf(b), 1);
  network_.Send(a, "hello");
  network_.Send(b, "there");
  EXPECT_EQ(network_.Take(b, 2), "he");
  EXPECT_EQ(network_.Incoming(b).in_flight(), 3u);
  EXPECT_EQ(network_.Take(b, 100), "llo");
  EXPECT_EQ(network_.Take(a, 100), "there");
  EXPECT_EQ(scheduler_.next_us(), kNever);
}

TEST_F(NetworkTest, AnEndIsSeenAfterAllThatWasSent) {
  const End a = network_.Connect(0, 1);
  const End b = Network::Peer(a);
  network_.Send(a, "bye");
  network_.Close(a);
  EXPECT_FALSE(network_.IsOpen(a));
  EXPECT_FALSE(network_.SeesEnd(b));
  EXPECT_EQ(network_.Take(b, 9), "bye");
  EXPECT_TRUE(network_.SeesEnd(b));
  network_.Close(b);
  EXPECT_FALSE(network_.Exists(a));
  EXPECT_EQ(network_.open_ends(), 0u);
}

TEST_F(NetworkTest, AResetLosesWhatIsOnTheWay) {
  const End a = network_.Connect(0, 1);
  const End b = Network::Peer(a);
  network_.Send(a, "never");
  network_.Send(b, "arrives");
  network_.Close(a, Farewell::kReset);
  EXPECT_EQ(network_.Take(b, 9), "");
  EXPECT_TRUE(network_.SeesEnd(b));
  EXPECT_EQ(network_.counts().resets, 1u);
}

TEST_F(NetworkTest, AHalfOpenEndLearnsNothingUntilItIsTold) {
  const End a = network_.Connect(0, 1);
  const End b = Network::Peer(a);
  network_.Send(a, "last words");
  network_.Close(a, Farewell::kNone);
  EXPECT_EQ(network_.Take(b, 100), "last words");
  network_.Send(b, "anybody?");
  EXPECT_TRUE(network_.IsOpen(b));
  EXPECT_TRUE(network_.HalfOpen(b));
  EXPECT_FALSE(network_.SeesEnd(b));
  network_.TellPeer(b);
  EXPECT_TRUE(network_.SeesEnd(b));
  EXPECT_EQ(network_.counts().half_open, 1u);
}

TEST_F(NetworkTest, ACutStreamEndsInTheMiddleWithoutAWord) {
  const End a = network_.Connect(0, 1);
  const End b = Network::Peer(a);
  network_.Send(a, "abc");
  network_.CutAt(b, 5);
  network_.Send(a, "defg");
  EXPECT_EQ(network_.Take(b, 100), "abcde");
  network_.Send(a, "h");
  EXPECT_EQ(network_.Take(b, 100), "");
  EXPECT_FALSE(network_.SeesEnd(b));
  EXPECT_EQ(network_.counts().cuts, 1u);
}

TEST_F(NetworkTest, APartitionHoldsBackOneWayOrBoth) {
  const End a = network_.Connect(0, 1);
  const End b = Network::Peer(a);
  const End c = network_.Connect(2, 3);
  network_.Block(/*from=*/0b0101, /*to=*/0b0010);
  network_.Send(a, "held");
  network_.Send(b, "free");
  network_.Send(c, "free");
  EXPECT_EQ(network_.Take(b, 9), "");
  EXPECT_EQ(network_.Take(a, 9), "free");
  EXPECT_EQ(network_.Take(Network::Peer(c), 9), "free");
  EXPECT_EQ(network_.counts().blocked, 1u);
  network_.Unblock();
  EXPECT_EQ(network_.Take(b, 9), "held");
  network_.BlockBothWays(0b0001, 0b1110);
  EXPECT_TRUE(network_.Blocked(1, 0));
  EXPECT_FALSE(network_.Blocked(1, 2));
}

TEST_F(NetworkTest, NamesOfOldConnectionsDoNotNameNewOnes) {
  const End old = network_.Connect(0, 1);
  network_.Close(old);
  network_.Close(Network::Peer(old));
  const End a = network_.Connect(2, 3);
  EXPECT_FALSE(network_.Exists(old));
  network_.Send(old, "x");
  network_.Close(old);
  EXPECT_EQ(network_.Incoming(Network::Peer(a)).in_flight(), 0u);
  EXPECT_TRUE(network_.IsOpen(a));
}

// --- By time.

TEST_F(NetworkTest, ADialledConnectionIsMadeAfterTheWayThereAndBack) {
  AttachAll();
  Toxics({"latency upstream latency=3 jitter=0", "latency downstream latency=5 jitter=0"});
  network_.Send(network_.Dial(0, 1), "hi");  // on its way before the connection is made
  b_.echo = &network_;
  RunAll();
  EXPECT_EQ(b_.Take(), "3:accept 3:'hi' ");
  EXPECT_EQ(a_.Take(), "8:connected 8:'hi' ");
}

TEST_F(NetworkTest, NobodyListensSoItIsRefused) {
  network_.Attach(0, &a_);
  network_.Dial(0, 1);
  RunAll();
  EXPECT_EQ(a_.Take(), "0:refused ");
  EXPECT_EQ(network_.counts().refused, 1u);
}

TEST_F(NetworkTest, BandwidthSpreadsBytesOverTime) {
  AttachAll();
  const End a = network_.Dial(0, 1);
  RunAll();
  b_.Take();
  Toxics({"bandwidth upstream rate=1"});  // KB/s, in portions of 10 ms
  network_.Send(a, std::string(25, 'x'));
  RunAll();
  EXPECT_EQ(b_.Take(), "0:'xxxxxxxxxx' 10:'xxxxxxxxxx' 20:'xxxxx' ");
}

TEST_F(NetworkTest, AToxicResetsBothEnds) {
  AttachAll();
  const End a = network_.Dial(0, 1);
  RunAll();
  a_.Take(), b_.Take();
  Toxics({"rst upstream bytes=2"});
  network_.Send(a, "abc");
  RunAll();
  EXPECT_EQ(b_.Take(), "0:'ab' 0:reset ");
  EXPECT_EQ(a_.Take(), "0:reset ");
  EXPECT_EQ(network_.counts().toxics[ToxicKind::kRst], 1u);
}

TEST_F(NetworkTest, BytesToAClosedEndAreAnsweredByAReset) {
  AttachAll();
  const End a = network_.Dial(0, 1);
  RunAll();
  a_.Take(), b_.Take();
  network_.Close(b_.accepted);
  network_.Send(a, "too late");
  RunAll();
  EXPECT_EQ(a_.Take(), "0:end ");
  EXPECT_EQ(network_.counts().resets, 1u);
}

TEST_F(NetworkTest, APartitionDelaysConnectingAndBytes) {
  AttachAll();
  network_.BlockBothWays(0b01, 0b10);
  const End a = network_.Dial(0, 1);
  network_.Send(a, "x");
  scheduler_.RunUntil(50 * kMs);
  EXPECT_EQ(b_.Take(), "");
  network_.Unblock();
  RunAll();
  EXPECT_EQ(b_.Take(), "50:accept 50:'x' ");
}

TEST_F(NetworkTest, TheTapeOrdersLinksOfTheSameTime) {
  std::set<std::string> orders;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Reset();
    a_.Take(), b_.Take();
    AttachAll();
    const End one = network_.Dial(0, 1);
    const End two = network_.Dial(2, 1);
    RunAll();
    b_.Take();
    scheduler_.set_tie_seed(seed);
    network_.Send(one, "1");
    network_.Send(two, "2");
    RunAll();
    orders.insert(b_.Take());
  }
  EXPECT_EQ(orders, (std::set<std::string>{"0:'1' 0:'2' ", "0:'2' 0:'1' "}));
}

// Where nobody is attached the world moves the bytes, and the scheduler knows when it can.
TEST_F(NetworkTest, TheSchedulerKnowsWhenAWorldCanMoveBytesAgain) {
  const End a = network_.Connect(0, 1);
  const End b = Network::Peer(a);
  Toxics({"latency upstream latency=7 jitter=0"});
  network_.Send(a, "slow");
  EXPECT_EQ(network_.Next(b).kind, ToxicStream::Step::Kind::kWait);
  EXPECT_EQ(scheduler_.next_us(), 7 * kMs);
  EXPECT_TRUE(scheduler_.RunNext());
  EXPECT_EQ(network_.Next(b).bytes, "slow");
  network_.Taken(b, 4);
  EXPECT_EQ(scheduler_.next_us(), kNever);
}

TEST_F(NetworkTest, ASteadyStateAllocatesNothing) {
#ifndef COUNTS_ALLOCATIONS
  GTEST_SKIP() << "allocations are not counted under ThreadSanitizer";
#endif
  struct Quiet : Network::Receiver {
    void OnAccept(End) override {}
    void OnConnected(End) override {}
    void OnBytes(End, std::string_view arrived) override { bytes += arrived.size(); }
    void OnEnd(End, Farewell, bool) override {}
    size_t bytes = 0;
  };
  Quiet quiet;
  const Toxic latency = MakeToxic(ToxicKind::kLatency);
  const auto run = [&] {
    Reset();
    network_.Attach(0, &quiet);
    network_.Attach(1, &quiet);
    network_.SetToxics(0, 1, std::span(&latency, 1));
    for (int i = 0; i < 3; ++i) {
      const End a = network_.Dial(0, 1);
      for (int j = 0; j < 10; ++j) network_.Send(a, "0123456789");
      while (scheduler_.RunNext()) {
      }
      network_.Close(a);
    }
  };
  for (int warm_up = 0; warm_up < 2; ++warm_up) run();
  const size_t before = allocations;
  run();
  EXPECT_EQ(allocations, before);
  EXPECT_GT(quiet.bytes, 0u);
}

}  // namespace
}  // namespace resprobe
