#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/resp/writer.h"
#include "engine/op_source.h"
#include "worlds/io_chaos/caching_io_client.h"
#include "worlds/io_chaos/io_chaos_harness.h"
#include "worlds/io_chaos/plain_client.h"
#include "worlds/resp/known_differences.h"

namespace resprobe {
namespace {

using Harness = OpsHarness<IoChaosWorld>;
using Fault = PlainClient::Fault;

std::vector<IoChaosWorld::Subject> Plain(Fault fault) {
  return {{[fault] { return std::make_unique<PlainClient>(fault); }}};
}

// The invariant that the case violates; "" if none.
std::string Broken(Harness& harness, Bytes tape) {
  RunContext run;
  harness.Run(tape, run);
  return run.violated() ? run.violation().invariant : "";
}

std::string BrokenBy(Harness& harness, std::string_view ops) {
  std::string error;
  const std::optional<Tape> tape = harness.Parse("ops io_chaos\n" + std::string(ops), &error);
  EXPECT_TRUE(tape) << error;
  return tape ? Broken(harness, *tape) : "";
}

TEST(IoChaosWorld, ClientsOfOursKeepTheContract) {
  Harness plain(std::in_place, Plain(Fault::kNone));
  Harness caching(std::in_place, std::vector<IoChaosWorld::Subject>{
                                     {[] { return std::make_unique<CachingIoClient>(); }}});
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    RunContext run;
    plain.Run(plain.Generate(seed), run);
    ASSERT_FALSE(run.violated()) << "seed " << seed << ": " << run.violation().invariant << ": "
                                 << run.violation().expected << " / " << run.violation().seen
                                 << "\n"
                                 << plain.Show(plain.Generate(seed));
    caching.Run(caching.Generate(seed), run);
    ASSERT_FALSE(run.violated()) << "seed " << seed << ": " << run.violation().invariant << ": "
                                 << run.violation().expected << " / " << run.violation().seen
                                 << "\n"
                                 << caching.Show(caching.Generate(seed));
  }
}

// Each clause of the contract is broken by a client with one fault, and this is found.
class IoChaosFault : public testing::TestWithParam<Fault> {};

TEST_P(IoChaosFault, IsFound) {
  const auto index = static_cast<size_t>(GetParam()) - 1;
  const std::string_view wanted = IoChaosWorld::kInvariants[index].name;
  Harness harness(std::in_place, Plain(GetParam()));
  for (uint64_t seed = 1; seed <= 20000; ++seed) {
    const std::string broken = Broken(harness, harness.Generate(seed));
    if (broken == wanted) return;
    // Half a reply that is lost also shows as a value that the peer did not send, and replies that
    // were swapped do not come in order.
    const bool also_unfaithful =
        GetParam() == Fault::kStopsAtSlices || GetParam() == Fault::kSwapsOwners;
    if (also_unfaithful && broken == "faithful") continue;
    ASSERT_EQ(broken, "") << "seed " << seed << " breaks another invariant than " << wanted << "\n"
                          << harness.Show(harness.Generate(seed));
  }
  FAIL() << wanted << " is not broken by 20000 seeds";
}

// A blocking client, with faults that make it wait for ever.
class BlockingClient : public IoClient {
 public:
  enum class Fault : uint8_t { kNone, kForgetsToSend, kLosesReplies };
  explicit BlockingClient(Fault fault) : fault_(fault) {}

  void Start(SimPosix* system, IoClientOwner* owner) override {
    system_ = system;
    owner_ = owner;
    socket_ = -1;
    pending_.clear();
    output_.clear();
    input_.clear();
    parser_.Reset();
  }
  bool Connect(const IoClientOptions&) override {
    Start(system_, owner_);
    socket_ = system_->OpenSocket();
    error_ = IoError::kNone;
    if (system_->Connect(socket_) != 0) {
      error_ = IoError::kSystem;
      system_->Close(std::exchange(socket_, -1));
      return false;
    }
    owner_->OnConnect(*this, true);
    return true;
  }
  bool Command(uint64_t number, IoAnswer, std::span<const std::string_view> args) override {
    if (fault_ != Fault::kForgetsToSend || pending_.empty()) resp::AppendRequest(&output_, args);
    pending_.push_back(number);
    return true;
  }
  void Disconnect() override { Free(); }
  void Free() override {
    if (socket_ < 0) return;
    const std::vector<uint64_t> pending = std::exchange(pending_, {});
    for (const uint64_t number : pending) owner_->OnReply(*this, number, nullptr);
    owner_->OnDisconnect(*this, error_ == IoError::kNone);
    system_->Close(std::exchange(socket_, -1));
    owner_->OnGone(*this);
  }
  bool exists() const override { return socket_ >= 0; }
  int descriptor() const override { return socket_; }
  bool wants(Event event) const override {
    return event == Event::kReadable && socket_ >= 0 && !pending_.empty();
  }
  void Fire(Event) override {
    while (!output_.empty()) {
      const int64_t count = system_->Write(socket_, output_.data(), output_.size(), true);
      if (count < 0) return Fail(IoError::kSystem);
      output_.erase(0, static_cast<size_t>(count));
    }
    for (;;) {
      const resp::ReplyParser::Result result = parser_.Parse(input_);
      input_.erase(0, result.consumed);
      if (result.status == resp::ReplyParser::Status::kValue) break;
      char buffer[512];
      const int64_t count = system_->Read(socket_, buffer, sizeof(buffer));
      if (count <= 0) return Fail(count == 0 ? IoError::kEnd : IoError::kSystem);
      input_.append(buffer, static_cast<size_t>(count));
    }
    if (fault_ == Fault::kLosesReplies) input_.clear();
    const uint64_t number = pending_.front();
    pending_.erase(pending_.begin());
    struct Value : IoReply {
      explicit Value(const resp::Reply& value) : seen(value) {}
      bool Same(const resp::Reply& value) const override {
        return Equal(value.root(), seen.root());
      }
      std::string Text() const override { return ToText(seen.root()); }
      const resp::Reply& seen;
    };
    owner_->OnReply(*this, number, &static_cast<const IoReply&>(Value(parser_.reply())));
  }
  bool blocking() const override { return true; }
  IoError error() const override { return error_; }

 private:
  void Fail(IoError error) {
    error_ = error;
    Free();
  }

  Fault fault_;
  SimPosix* system_ = nullptr;
  IoClientOwner* owner_ = nullptr;
  int socket_ = -1;
  IoError error_ = IoError::kNone;
  std::vector<uint64_t> pending_;
  std::string output_;
  std::string input_;
  resp::ReplyParser parser_;
};

// A blocking client waits for what cannot come: the world hangs up, and says so.
TEST(IoChaosWorld, ABlockingClientThatHangsIsFound) {
  const auto broken = [](BlockingClient::Fault fault, std::string_view ops) {
    Harness harness(std::in_place, std::vector<IoChaosWorld::Subject>{{[fault] {
                      return std::make_unique<BlockingClient>(fault);
                    }}});
    return BrokenBy(harness, ops);
  };
  constexpr std::string_view kTwo = "step step=ping pipelined=yes\nstep step=get\n";
  EXPECT_EQ(broken(BlockingClient::Fault::kNone, kTwo), "");
  EXPECT_EQ(broken(BlockingClient::Fault::kForgetsToSend, kTwo), "no_hang");
  EXPECT_EQ(broken(BlockingClient::Fault::kLosesReplies, kTwo), "no_hang");
  // A peer that keeps a reply for itself is not the client's fault.
  EXPECT_EQ(broken(BlockingClient::Fault::kNone, "toxic kind=missing_reply\nstep step=ping\n"), "");
  EXPECT_EQ(broken(BlockingClient::Fault::kNone, "toxic kind=timeout\nstep step=ping\n"), "");
}

// A client that stays unconnected although its peer has accepted.
class LateClient : public PlainClient {
 public:
  bool wants(Event) const override { return false; }
};

TEST(IoChaosWorld, AClientThatNeverConnectsIsFound) {
  Harness harness(std::in_place, std::vector<IoChaosWorld::Subject>{
                                     {[] { return std::make_unique<LateClient>(); }}});
  EXPECT_EQ(BrokenBy(harness, "run\n"), "no_hang");
}

// What fails the assert of a known fault for another reason is none: with an honest peer there is
// no unsolicited reply.
class AssertingClient : public PlainClient {
 public:
  void Fire(Event event) override {
    PlainClient::Fire(event);
    if (event != Event::kReadable || TheAssertTrap().handler == nullptr) return;
    TheAssertTrap().handler("c->flags & REDIS_SUBSCRIBED", "redisProcessCallbacks");
  }
};

TEST(IoChaosWorld, AKnownFaultIsToldByItsCause) {
  constexpr int kVersion = HiredisVersion(1, 2, 0);
  Harness harness(std::in_place,
                  std::vector<IoChaosWorld::Subject>{
                      {[] { return std::make_unique<AssertingClient>(); }, kVersion, true}});
  const auto known = [&](std::string_view ops) {
    std::string error;
    const std::optional<Tape> tape = harness.Parse("ops io_chaos\n" + std::string(ops), &error);
    EXPECT_TRUE(tape) << error;
    RunContext run(Trace::Mode::kText);
    harness.Run(*tape, run);
    return run.trace().text().find("known fault: unsolicited_reply") != std::string::npos;
  };
  EXPECT_FALSE(known("step step=ping\nrun\n"));
  EXPECT_FALSE(known("step step=subscribe\nrun\npublish\nrun\n"));
  EXPECT_TRUE(known("step step=subscribe\nrun\nraw \"+OK\\r\\n\"\nrun\n"));
  EXPECT_TRUE(
      known("run\nraw \">3\\r\\n$7\\r\\nmessage\\r\\n$1\\r\\na\\r\\n$1\\r\\nx\\r\\n\"\nrun\n"));
  // Dishonest, but with no more than it owes.
  EXPECT_FALSE(known("toxic kind=wrong_type\nstep step=ping\nrun\n"));
}

std::vector<Fault> AllFaults() {
  std::vector<Fault> faults;
  for (int i = 1; i <= static_cast<int>(PlainClient::kLastFault); ++i) {
    faults.push_back(static_cast<Fault>(i));
  }
  return faults;
}

INSTANTIATE_TEST_SUITE_P(Contract, IoChaosFault, testing::ValuesIn(AllFaults()),
                         [](const auto& info) {
                           return std::string(
                               IoChaosWorld::kInvariants[static_cast<size_t>(info.param) - 1].name);
                         });
static_assert(std::size(IoChaosWorld::kInvariants) == static_cast<size_t>(PlainClient::kLastFault));

// Every toxic has an effect on a client that uses every step.
TEST(IoChaosWorld, EveryToxicFires) {
  Harness harness(std::in_place, Plain(Fault::kNone));
  std::array<uint64_t, kToxicKinds> fired{};
  for (uint64_t seed = 1; seed <= 3000; ++seed) {
    Broken(harness, harness.Generate(seed));
    for (const ToxicInfo& info : Toxics()) {
      fired[static_cast<size_t>(info.kind)] += harness.world().counts()[info.kind];
    }
  }
  for (const ToxicInfo& info : Toxics()) {
    EXPECT_GT(fired[static_cast<size_t>(info.kind)], 0u) << info.name;
  }
}

// What the client sees of each toxic, by the results of its calls.
class IoChaosSees : public testing::Test {
 protected:
  // The log of a run, as text.
  std::string Log(std::string_view ops) {
    Harness harness(std::in_place, Plain(Fault::kNone));
    EXPECT_EQ(BrokenBy(harness, ops), "");
    return ChaosLog::current()->Text();
  }
};

TEST_F(IoChaosSees, ResetApartFromEnd) {
  const std::string fin = Log("step step=ping\ntoxic kind=fin first=3\nrun\n");
  EXPECT_NE(fin.find("system read 0 = 3\n"), fin.npos) << fin;
  EXPECT_NE(fin.find("system read 0 = 0\n"), fin.npos) << fin;
  EXPECT_EQ(fin.find("-104"), fin.npos) << fin;
  const std::string rst = Log("step step=ping\ntoxic kind=rst first=3\nrun\n");
  EXPECT_NE(rst.find("system read 0 = -104\n"), rst.npos) << rst;  // ECONNRESET
}

TEST_F(IoChaosSees, AWriteToWhoIsGone) {
  const std::string log =
      Log("step step=ping\nrun\ntoxic kind=fin\ndeliver\nstep step=ping\ntick events=writable\n"
          "step step=ping\ntick events=writable\nrun\n");
  EXPECT_NE(log.find("system write 0 = -32\n"), log.npos) << log;  // EPIPE
}

TEST_F(IoChaosSees, HalfCloseLeavesWritingOpen) {
  const std::string log =
      Log("step step=ping\nrun\ntoxic kind=half_close\ndeliver\nstep step=ping\n"
          "tick events=writable+readable\nrun\n");
  EXPECT_NE(log.find("peer half-closes 0"), log.npos) << log;
  EXPECT_NE(log.find("system write 0 = 14\n"), log.npos) << log;
  EXPECT_NE(log.find("system read 0 = 0\n"), log.npos) << log;
}

TEST_F(IoChaosSees, NeverReadFillsTheSendBuffer) {
  const std::string log =
      Log("toxic kind=never_read direction=upstream\nstep step=upload size=9000\n"
          "tick events=writable\ntick events=writable spurious=yes\n"
          "tick events=writable spurious=yes\nrun\n");
  EXPECT_NE(log.find("system write 0 = 2048\n"), log.npos) << log;  // partial
  EXPECT_NE(log.find("system write 0 = -11\n"), log.npos) << log;   // EAGAIN
}

TEST_F(IoChaosSees, RefusedAndLate) {
  EXPECT_NE(Log("toxic kind=refuse\nact action=reconnect\nrun\n").find("= -111\n"),
            std::string::npos);
  const std::string late =
      Log("toxic kind=late_connect first=5\nact action=reconnect\n"
          "tick events=writable spurious=yes\nrun\n");
  EXPECT_NE(late.find("system connect 0 = -115\n"), late.npos) << late;  // EINPROGRESS
  EXPECT_NE(late.find("system connect 0 = -114\n"), late.npos) << late;  // EALREADY
  EXPECT_NE(late.find("5.000ms system connect 0 = 0\n"), late.npos) << late;
}

TEST_F(IoChaosSees, DisturbedCalls) {
  const std::string log =
      Log("toxic kind=short_write first=1 second=1 third=2\ntoxic kind=eintr first=3 second=1\n"
          "step step=ping\nrun\n");
  EXPECT_NE(log.find("system write 0 = 1\n"), log.npos) << log;
  EXPECT_NE(log.find("= -4\n"), log.npos) << log;  // EINTR
}

// Cancels at every byte of a reply.
TEST(IoChaosWorld, CancelAtEveryByte) {
  Harness harness(std::in_place, Plain(Fault::kNone));
  for (int bytes = 1; bytes <= 60; ++bytes) {
    for (const char* action : {"disconnect", "free", "reconnect"}) {
      EXPECT_EQ(BrokenBy(harness,
                         "step step=download size=50\ntick events=writable\n"
                         "tick events=writable\ndeliver wire=upstream\n"
                         "deliver wire=downstream bytes=" +
                             std::to_string(bytes) +
                             "\ntick events=readable\nact action=" + action + "\nrun\n"),
                "")
          << bytes << " " << action;
    }
  }
}

TEST(IoChaosWorld, RunsAreDeterministic) {
  Harness harness(std::in_place, Plain(Fault::kNone));
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    const Tape tape = harness.Generate(seed);
    RunContext first(Trace::Mode::kHash);
    RunContext second(Trace::Mode::kHash);
    harness.Run(tape, first);
    harness.Run(tape, second);
    EXPECT_EQ(first.trace().hash(), second.trace().hash()) << seed;
  }
}

// Hands the ops of another source on, and notes the most that the world has held.
template <class Source>
class Watched {
 public:
  Watched(Source* source, IoChaosWorld* world) : source_(source), world_(world) {}
  const IoChaosWorld::Config& config() const { return source_->config(); }
  const IoChaosWorld::Op* Next() {
    if (++ops_ % 64 == 0) most_ = std::max(most_, world_->held());
    return source_->Next();
  }
  size_t most() const { return most_; }

 private:
  Source* source_;
  IoChaosWorld* world_;
  uint64_t ops_ = 0;
  size_t most_ = 0;
};

// The same ops again and again.
class Cycle {
 public:
  explicit Cycle(std::vector<IoChaosWorld::Op> ops) : ops_(std::move(ops)) {}
  const IoChaosWorld::Config& config() const { return config_; }
  const IoChaosWorld::Op* Next() { return &ops_[next_++ % ops_.size()]; }

 private:
  IoChaosWorld::Config config_;
  std::vector<IoChaosWorld::Op> ops_;
  size_t next_ = 0;
};

// A connection is forgotten from 256 KiB on, and reset at 1 MiB.
constexpr size_t kMostHeld = size_t{3} << 20;

TEST(IoChaosWorld, AStreamNeedsBoundedMemory) {
  for (const uint64_t seed : {1, 2, 3}) {
    IoChaosWorld world(Plain(Fault::kNone));
    SeedStream<IoChaosWorld> stream(seed);
    Watched watched(&stream, &world);
    RunContext run;
    RunSource(world, watched, run, 100'000);
    EXPECT_FALSE(run.violated()) << run.violation().invariant << ": " << run.violation().expected
                                 << " / " << run.violation().seen;
    EXPECT_LT(watched.most(), kMostHeld);
    // Commands are given to its end.
    EXPECT_GT(world.given(), 10 * CommandBook::kMost);
  }
}

TEST(IoChaosWorld, AConnectionThatNeverEndsNeedsBoundedMemory) {
  IoChaosWorld::Step download;
  download.step = ClientStep::kDownload;
  download.size.value = 2000;
  const IoChaosWorld::Tick write = {.events = ClientTick::kWritable};
  const IoChaosWorld::Tick read = {.events = ClientTick::kReadable};
  Cycle cycle({download, write, IoChaosWorld::Deliver{}, read});
  IoChaosWorld world(Plain(Fault::kNone));
  Watched watched(&cycle, &world);
  RunContext run;
  RunSource(world, watched, run, 40'000);
  EXPECT_FALSE(run.violated()) << run.violation().invariant << ": " << run.violation().seen;
  EXPECT_GT(world.given(), 9'000u);  // of 2 KB each
  EXPECT_LT(watched.most(), size_t{1} << 20);
}

TEST(IoChaosWorld, AClientThatDoesNotReadIsReset) {
  const std::string bytes(1000, 'x');
  IoChaosWorld::Raw raw;
  raw.bytes.bytes = bytes;
  const IoChaosWorld::Tick write = {.events = ClientTick::kWritable};
  Cycle cycle({write, raw, IoChaosWorld::Deliver{}});
  IoChaosWorld world(Plain(Fault::kNone));
  Watched watched(&cycle, &world);
  RunContext run;
  RunSource(world, watched, run, 20'000);
  EXPECT_FALSE(run.violated()) << run.violation().invariant << ": " << run.violation().seen;
  EXPECT_GT(watched.most(), size_t{1} << 20);
  EXPECT_LT(watched.most(), kMostHeld);
}

}  // namespace
}  // namespace resprobe
