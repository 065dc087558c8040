#include "live/tcp/io_live_world.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "engine/ops_harness.h"
#include "live/tcp/io_scenario.h"
#include "worlds/io_chaos/plain_client.h"

namespace resprobe::live {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

using Harness = OpsHarness<IoLiveWorld>;
using Peer = IoLiveWorld::Peer;

std::vector<IoChaosWorld::Subject> Plain() {
  return {{[] { return std::make_unique<PlainClient>(); }}};
}

// Wraps the wire; subclasses change its behaviour.
class Decorator : public SocketApi {
 public:
  explicit Decorator(SocketApi* wire) : wire_(wire) {}
  void Reset() override { wire_->Reset(); }
  void Open(int s) override { wire_->Open(s); }
  void Establish(int s, bool accepts) override { wire_->Establish(s, accepts); }
  int Connect(int s) override { return wire_->Connect(s); }
  int64_t Read(int s, char* to, size_t size) override { return wire_->Read(s, to, size); }
  int64_t Write(int s, const char* from, size_t n) override { return wire_->Write(s, from, n); }
  bool Readable(int s) override { return wire_->Readable(s); }
  bool Writable(int s) override { return wire_->Writable(s); }
  int TakeError(int s) override { return wire_->TakeError(s); }
  void Close(int s) override { wire_->Close(s); }
  size_t Waiting(int s) override { return wire_->Waiting(s); }
  std::string_view Take(int s, size_t count) override { return wire_->Take(s, count); }
  void Send(int s, std::string_view bytes) override { wire_->Send(s, bytes); }
  void End(int s, PeerEnd how) override { wire_->End(s, how); }

 protected:
  SocketApi* wire_;
};

class ResetIsTheEnd : public Decorator {
 public:
  using Decorator::Decorator;
  int64_t Read(int s, char* to, size_t size) override {
    const int64_t result = wire_->Read(s, to, size);
    return result == -ECONNRESET ? 0 : result;
  }
};

// Accepts less than the kernel did, which no full buffer explains.
class TakesAWriteInParts : public Decorator {
 public:
  using Decorator::Decorator;
  int64_t Write(int s, const char* from, size_t n) override {
    return wire_->Write(s, from, n > 10 ? 10 : n);
  }
  bool Writable(int s) override { return !wire_->Writable(s); }
};

struct Ran {
  std::string trace;
  std::string invariant;
  std::string expected;
  std::string seen;
};
Ran RunOps(Harness& harness, std::string_view ops) {
  std::string error;
  const std::optional<Tape> tape = harness.Parse(ops, &error);
  EXPECT_TRUE(tape) << error << ops;
  RunContext run(Trace::Mode::kText);
  if (tape) harness.Run(*tape, run);
  return {run.trace().text(), run.violated() ? run.violation().invariant : "",
          run.violated() ? run.violation().expected : "",
          run.violated() ? run.violation().seen : ""};
}

template <class D>
Harness Decorated() {
  return Harness(std::in_place, Plain(),
                 IoLiveWorld::Options{.peer = Peer::kTcp, .decorate = [](SocketApi* wire) {
                                        return std::make_unique<D>(wire);
                                      }});
}

class IoLive : public testing::TestWithParam<Peer> {
 protected:
  Harness harness_{std::in_place, Plain(), IoLiveWorld::Options{.peer = GetParam()}};
};

std::string NameOf(const testing::TestParamInfo<Peer>& info) {
  constexpr const char* kNames[] = {"Memory", "Tcp", "Forked"};
  return kNames[static_cast<size_t>(info.param)];
}

INSTANTIATE_TEST_SUITE_P(Peers, IoLive, testing::Values(Peer::kMemory, Peer::kTcp, Peer::kForked),
                         NameOf);

// Each toxic takes effect, and the client sees what the scenario specifies, in memory and over the
// kernel.
TEST_P(IoLive, ScenariosAreAsTheySay) {
  std::set<std::string> fired;
  for (const auto& file : fs::directory_iterator(RESPROBE_IO_SCENARIOS)) {
    std::stringstream text;
    text << std::ifstream(file.path()).rdbuf();
    const IoScenario scenario = ReadIoScenario(text.str());
    EXPECT_FALSE(scenario.fires.empty()) << file.path();
    fired.insert(scenario.fires.begin(), scenario.fires.end());
    const Ran ran = RunOps(harness_, text.str());
    EXPECT_EQ(ran.invariant, "") << file.path() << "\n" << ran.expected << "\n" << ran.seen;
    EXPECT_EQ(Unmet(scenario, SeenIn(ran.trace)), "") << file.path() << "\n" << ran.trace;
    EXPECT_THAT(ran.trace, Not(HasSubstr("io not-run"))) << file.path();
  }
  for (const ToxicInfo& info : Toxics()) {
    if (!WhyLeftOut(info.kind).empty()) continue;
    EXPECT_TRUE(fired.contains(std::string(info.name))) << "no scenario fires " << info.name;
  }
}

TEST_P(IoLive, SeedsGiveTheSame) {
  size_t equal = 0;
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    RunContext run(Trace::Mode::kText);
    harness_.Run(harness_.Generate(seed), run);
    ASSERT_FALSE(run.violated()) << "seed " << seed << ": " << run.violation().expected << " / "
                                 << run.violation().seen;
    ASSERT_THAT(run.trace().text(), Not(HasSubstr("io not-run"))) << seed;
    equal += run.trace().text().find("io equal\n") != std::string::npos ? 1 : 0;
  }
  EXPECT_GT(equal, 120u);
}

// Two runs over TCP are equal, too.
TEST_P(IoLive, RunsAreDeterministic) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    const Tape tape = harness_.Generate(seed);
    RunContext first(Trace::Mode::kHash);
    RunContext second(Trace::Mode::kHash);
    harness_.Run(tape, first);
    harness_.Run(tape, second);
    EXPECT_EQ(first.trace().hash(), second.trace().hash()) << seed;
  }
}

TEST_P(IoLive, StepsWithoutAnEqualAreLeftOutAndCounted) {
  const Ran ran = RunOps(harness_,
                         "ops io_chaos\ntoxic kind=eintr first=1 second=3\n"
                         "toxic kind=eintr first=1 second=1\ntoxic kind=short_write\n"
                         "step step=ping\nrun\n");
  EXPECT_THAT(ran.trace, HasSubstr("io left-out eintr 2\n"));
  EXPECT_THAT(ran.trace, HasSubstr("io left-out short_write 1\n"));
  EXPECT_THAT(ran.trace, Not(HasSubstr("EINTR")));
  EXPECT_THAT(ran.trace, HasSubstr("io equal\n"));
}

constexpr std::string_view kReset = "ops io_chaos\nstep step=ping\ntoxic kind=rst first=3\nrun\n";

TEST(IoLiveWorld, ADifferenceIsFound) {
  Harness harness = Decorated<ResetIsTheEnd>();
  const Ran ran = RunOps(harness, kReset);
  EXPECT_EQ(ran.invariant, "same_as_memory");
  EXPECT_THAT(ran.expected, HasSubstr("in memory: call read 0 = ECONNRESET"));
  EXPECT_THAT(ran.seen, HasSubstr("over TCP: call read 0 = 0"));
  EXPECT_THAT(ran.trace, HasSubstr("io differs\n"));
  // Without a reset nothing differs.
  EXPECT_THAT(RunOps(harness, "ops io_chaos\nstep step=ping\nrun\n").trace,
              HasSubstr("io equal\n"));
}

constexpr std::string_view kUpload =
    "ops io_chaos\nstep step=upload size=9000\nrun\nstep step=ping\nrun\n";

TEST(IoLiveWorld, TheSendBufferExplainsWhatItDoes) {
  Harness plain(std::in_place, Plain(), IoLiveWorld::Options{.peer = Peer::kTcp});
  EXPECT_THAT(RunOps(plain, kUpload).trace, HasSubstr("io explained send_buffer\n"));
  Harness harness = Decorated<TakesAWriteInParts>();
  EXPECT_EQ(RunOps(harness, kUpload).invariant, "same_as_memory");
}

TEST(IoLiveWorld, WhatTheMachineCannotDoIsNotRunAndNotPassed) {
  class Broken : public Decorator {
   public:
    using Decorator::Decorator;
    void End(int s, PeerEnd how) override {
      wire_->End(s, how);
      // The kernel is expected to deliver bytes that were never sent.
      wire_->Send(s, "late");
    }
  };
  Harness harness = Decorated<Broken>();
  const Ran ran = RunOps(harness, kReset);
  EXPECT_THAT(ran.trace, HasSubstr("io not-run send"));
  EXPECT_THAT(ran.trace, Not(HasSubstr("io equal")));
  EXPECT_EQ(ran.invariant, "");
}

TEST(IoScenario, SaysWhatIsMissing) {
  const IoScenario scenario =
      ReadIoScenario("ops io_chaos\n# fires rst\n# sees a\n# sees b\n# never c\nstep step=ping\n");
  EXPECT_EQ(Unmet(scenario, "x\na\ny\nb\nfired rst 1\n"), "");
  EXPECT_EQ(Unmet(scenario, "a\nb\n"), "fires rst");
  EXPECT_EQ(Unmet(scenario, "b\na\nfired rst 2\n"), "sees b");
  EXPECT_EQ(Unmet(scenario, "a\nc\nb\nfired rst 2\n"), "never c");
}

}  // namespace
}  // namespace resprobe::live
