// Cases of the world cluster on real servers in a sandbox, and on servers with planted faults.

#include "live/cluster/sandboxed_cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "sandbox/sandbox_client.h"
#include "worlds/cluster/cluster_harness.h"

namespace resprobe::live {
namespace {

using testing::HasSubstr;

SandboxedCluster::Options OptionsOf(const char* program) {
  return {.program = program, .cpu = sandbox::PinToThisProcessor()};
}

class SandboxedClusterTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const char* const program = std::getenv(GetParam());
    if (program == nullptr) GTEST_SKIP() << GetParam() << " is not set";
    auto servers = std::make_unique<SandboxedCluster>(OptionsOf(program));
    servers_ = servers.get();
    harness_ = std::make_unique<ClusterHarness>(std::in_place, std::move(servers));
  }

  // The trace of a case that holds.
  std::string Run(const Tape& tape) {
    RunContext run(Trace::Mode::kText);
    harness_->Run(tape, run);
    EXPECT_EQ(servers_->error(), "");
    EXPECT_FALSE(run.violated()) << run.violation().invariant << ": expected "
                                 << run.violation().expected << ", seen " << run.violation().seen
                                 << "\n"
                                 << run.trace().text();
    return run.trace().text();
  }
  std::string Run(std::string_view ops, std::string_view log = "no") {
    std::string error;
    const std::optional<Tape> tape =
        harness_->Parse("ops cluster\nconfig shape=0 log=" + std::string(log) +
                            " partial=no migrates=no restart=yes\n" + std::string(ops),
                        &error);
    EXPECT_TRUE(tape) << error;
    return Run(*tape);
  }

  SandboxedCluster* servers_ = nullptr;
  std::unique_ptr<ClusterHarness> harness_;
};

TEST_P(SandboxedClusterTest, ACaseRunsTheSameWayTwice) {
  for (const uint64_t seed : {1, 2, 3, 5, 8, 9}) {
    const Tape tape = harness_->Generate(seed);
    const std::string text = Run(tape);
    const uint64_t hash = servers_->trace_hash();
    EXPECT_EQ(Run(tape), text) << "seed " << seed;
    EXPECT_EQ(servers_->trace_hash(), hash) << "seed " << seed;
  }
}

TEST_P(SandboxedClusterTest, AReplicaTakesOverWithWhatWaitHasConfirmed) {
  EXPECT_THAT(Run("put at=3 key=1\nawait key=1 ms=200\nkill node=0 power=no\nadvance ms=5000\n"
                  "read at=4 key=1 here=no\nrestart node=0\n"),
              HasSubstr("read of {b}1: '1'"));
  EXPECT_GT(harness_->world().elections().votes(), 0u);
  EXPECT_EQ(harness_->world().elections().won(), 1u);
}

TEST_P(SandboxedClusterTest, AFailoverThatAUserAsksForLosesNothing) {
  EXPECT_THAT(Run("put at=0 key=1\nfailover node=1 mode=plain\nadvance ms=2000\nput at=0 key=1\n"
                  "read at=5 key=1 here=no\nread at=0 key=1 here=yes\n"),
              HasSubstr("node 1: write 2 to {b}1: OK"));
}

TEST_P(SandboxedClusterTest, ASlotMovesWithItsKeys) {
  const std::string text =
      Run("put at=0 key=1\nmove key=1 to=2 steps=3\nread at=0 key=1 here=no\nput at=4 key=1\n"
          "move key=1 to=2 steps=all\nread at=0 key=1 here=no\n");
  EXPECT_THAT(text, HasSubstr("takes the slot of {b}1: 3 steps"));
  EXPECT_THAT(text, HasSubstr("node 2: read of {b}1: '1'"));
  EXPECT_THAT(text, HasSubstr("node 2: read of {b}1: '2'"));
}

TEST_P(SandboxedClusterTest, AMinorityStopsAndTheViewsHeal) {
  const std::string text =
      Run("isolate node=0 count=2\nadvance ms=3000\nput at=0 key=1\nput at=2 key=1\nlook node=0\n"
          "look node=2\n");
  EXPECT_THAT(text, HasSubstr("node 0: write 1 to {b}1: CLUSTERDOWN"));
  EXPECT_THAT(text, HasSubstr("node 0: cluster_state:fail"));
}

TEST_P(SandboxedClusterTest, NodesWithALogKeepItOverAKill) {
  EXPECT_THAT(Run("put at=0 key=1\nkill node=0 power=no\nrestart node=0\nadvance ms=3000\n"
                  "read at=0 key=1 here=no\n",
                  "yes"),
              HasSubstr("read of {b}1: '1'"));
}

// docs/findings/setslot-not-synced.md
TEST_P(SandboxedClusterTest, ASlotThatWasTakenIsLostWithPower) {
  ASSERT_TRUE(servers_->Reset({}));
  const auto ask = [&](size_t node, std::initializer_list<std::string_view> words) {
    return sandbox::SandboxClient(&servers_->sandbox(), node).Ask(words);
  };
  for (const std::string_view slot : {"0", "1"}) {
    EXPECT_EQ(ask(2, {"CLUSTER", "SETSLOT", slot, "IMPORTING", servers_->IdOf(0)}), "OK");
    EXPECT_EQ(ask(2, {"CLUSTER", "SETSLOT", slot, "NODE", servers_->IdOf(2)}), "OK");
    EXPECT_EQ(ask(0, {"CLUSTER", "SETSLOT", slot, "NODE", servers_->IdOf(2)}), "OK");
    servers_->RunUntil(servers_->now_us() + 5'000'000);
  }
  EXPECT_THAT(ask(2, {"CLUSTER", "NODES"}), HasSubstr(" 0-1 5461-10921"));
  servers_->Crash(2, CrashKind::kMachine);
  std::string why;
  ASSERT_TRUE(servers_->Start(2, &why)) << why;
  servers_->RunUntil(servers_->now_us() + 60'000'000);
  EXPECT_THAT(ask(2, {"CLUSTER", "NODES"}), HasSubstr(" 0 5461-10921"));
  EXPECT_THAT(ask(0, {"CLUSTER", "NODES"}), HasSubstr(" 0-1 5461-10921"));
}

INSTANTIATE_TEST_SUITE_P(Servers, SandboxedClusterTest,
                         testing::Values("RESPROBE_REDIS_SERVER", "RESPROBE_VALKEY_SERVER"));

// --- Planted faults: a cluster that lies, or that is damaged. Each is found by generated cases.

class FaultyCluster : public SandboxedCluster {
 public:
  using SandboxedCluster::SandboxedCluster;

 protected:
  static void Replace(std::string* text, std::string_view what, std::string_view with) {
    for (size_t at = text->find(what); at != text->npos; at = text->find(what, at + with.size())) {
      text->replace(at, what.size(), with);
    }
  }
};

// A write does not replace what is there, and is acknowledged.
class KeepsTheFirst : public FaultyCluster {
 public:
  using FaultyCluster::FaultyCluster;
  void Send(uint64_t connection, std::string_view bytes) override {
    std::string changed(bytes);
    Replace(&changed, "$3\r\nSET\r\n", "$5\r\nSETNX\r\n");
    FaultyCluster::Send(connection, changed);
  }
};

// Replies are changed.
class LyingReplies : public FaultyCluster {
 public:
  LyingReplies(Options options, std::string_view what, std::string_view with, bool after_a_crash)
      : FaultyCluster(std::move(options)),
        what_(what),
        with_(with),
        after_a_crash_(after_a_crash) {}
  bool Reset(const Settings& settings) override {
    lies_ = !after_a_crash_;
    return FaultyCluster::Reset(settings);
  }
  void Crash(size_t node, CrashKind kind) override {
    lies_ = true;
    FaultyCluster::Crash(node, kind);
  }
  bool Receive(uint64_t connection, std::string* append) override {
    std::string bytes;
    const bool open = FaultyCluster::Receive(connection, &bytes);
    if (lies_) Replace(&bytes, what_, with_);
    append->append(bytes);
    return open;
  }

 private:
  const std::string what_;
  const std::string with_;
  const bool after_a_crash_;
  bool lies_ = false;
};

// Elections all seem to be of one epoch.
class OneEpoch : public FaultyCluster {
 public:
  OneEpoch(Options options, std::string_view before)
      : FaultyCluster(std::move(options)), before_(before) {}
  const std::string* ReadFile(size_t node, std::string_view name) const override {
    const std::string* const real = FaultyCluster::ReadFile(node, name);
    if (real == nullptr || name != "log") return real;
    log_ = *real;
    for (size_t at = log_.find(before_); at != log_.npos; at = log_.find(before_, at + 1)) {
      log_[at + before_.size()] = '1';
    }
    return &log_;
  }

 private:
  const std::string before_;
  mutable std::string log_;
};

// A process starts with the nodes.conf of the beginning.
class OlderDisk : public FaultyCluster {
 public:
  using FaultyCluster::FaultyCluster;
  bool Reset(const Settings& settings) override {
    if (!FaultyCluster::Reset(settings)) return false;
    for (size_t i = 0; i < sandbox().size(); ++i) first_[i] = *ReadFile(i, "nodes.conf");
    return true;
  }
  bool Start(size_t node, std::string* why) override {
    sandbox().node(node).disk().Place("nodes.conf", first_[node]);
    return FaultyCluster::Start(node, why);
  }

 private:
  std::string first_[kMostNodes];
};

class BrokenDisk : public FaultyCluster {
 public:
  using FaultyCluster::FaultyCluster;
  bool Start(size_t node, std::string* why) override {
    sandbox().node(node).disk().Place("nodes.conf", "0123 10.0.0.1 myself\n");
    return FaultyCluster::Start(node, why);
  }
};

// One link never heals.
class DeadLink : public FaultyCluster {
 public:
  using FaultyCluster::FaultyCluster;
  void Release(size_t from, size_t to) override {
    if (from != 0) FaultyCluster::Release(from, to);
  }
};

class DiesOnPause : public FaultyCluster {
 public:
  using FaultyCluster::FaultyCluster;
  void Pause(size_t node) override {
    const uint64_t connection = Dial(node, kPort);
    Send(connection, "DEBUG SEGFAULT\r\n");
    RunUntil(now_us() + 1000);
  }
};

struct Canary {
  const char* name;
  const char* invariant;
  std::unique_ptr<SandboxedCluster> (*make)(SandboxedCluster::Options options);

  friend void PrintTo(const Canary& canary, std::ostream* out) { *out << canary.name; }
};
template <class T>
std::unique_ptr<SandboxedCluster> Make(SandboxedCluster::Options options) {
  return std::make_unique<T>(std::move(options));
}

const Canary kCanaries[] = {
    {"keeps_the_first", "keeps", Make<KeepsTheFirst>},
    {"wrong_value", "never_had",
     [](SandboxedCluster::Options options) -> std::unique_ptr<SandboxedCluster> {
       return std::make_unique<LyingReplies>(std::move(options), "$1\r\n", "$2\r\n9", false);
     }},
    {"one_epoch_of_votes", "one_vote",
     [](SandboxedCluster::Options options) -> std::unique_ptr<SandboxedCluster> {
       return std::make_unique<OneEpoch>(std::move(options), "for epoch ");
     }},
    {"one_epoch_of_winners", "one_winner",
     [](SandboxedCluster::Options options) -> std::unique_ptr<SandboxedCluster> {
       return std::make_unique<OneEpoch>(std::move(options), "# configEpoch set to ");
     }},
    {"older_disk", "vote_kept", Make<OlderDisk>},
    {"broken_disk", "starts", Make<BrokenDisk>},
    {"dead_link", "equal_views", Make<DeadLink>},
    {"dies_on_pause", "stays_up", Make<DiesOnPause>},
    {"epoch_falls", "epoch_rises",
     [](SandboxedCluster::Options options) -> std::unique_ptr<SandboxedCluster> {
       return std::make_unique<LyingReplies>(std::move(options), "cluster_current_epoch:4",
                                             "cluster_current_epoch:1", false);
     }},
    {"slot_without_owner", "one_owner",
     [](SandboxedCluster::Options options) -> std::unique_ptr<SandboxedCluster> {
       return std::make_unique<LyingReplies>(std::move(options), "-16383\n", "-16382\n", true);
     }},
    {"never_ok", "serves",
     [](SandboxedCluster::Options options) -> std::unique_ptr<SandboxedCluster> {
       return std::make_unique<LyingReplies>(std::move(options), "cluster_state:ok",
                                             "cluster_state:no", true);
     }},
    {"wrong_way", "redirections_end",
     [](SandboxedCluster::Options options) -> std::unique_ptr<SandboxedCluster> {
       return std::make_unique<LyingReplies>(std::move(options), " 10.0.0.1:6379\r\n",
                                             " 10.0.0.4:6379\r\n", true);
     }},
};

class ClusterCanaryTest : public testing::TestWithParam<Canary> {};

TEST_P(ClusterCanaryTest, IsFound) {
  const char* const program = std::getenv("RESPROBE_REDIS_SERVER");
  if (program == nullptr) GTEST_SKIP() << "RESPROBE_REDIS_SERVER is not set";
  ClusterHarness harness(std::in_place, GetParam().make(OptionsOf(program)));
  std::string found;
  for (uint64_t seed = 1; seed <= 300 && found != GetParam().invariant; ++seed) {
    const Tape tape = harness.Generate(seed);
    if (harness.Show(tape).contains("intrude")) continue;
    RunContext run;
    harness.Run(tape, run);
    if (run.violated()) found = run.violation().invariant;
  }
  EXPECT_EQ(found, GetParam().invariant);
}

INSTANTIATE_TEST_SUITE_P(Canaries, ClusterCanaryTest, testing::ValuesIn(kCanaries),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace resprobe::live
