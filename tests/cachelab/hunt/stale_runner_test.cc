#include "cachelab/hunt/stale_runner.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <memory>

#include "cachelab/hunt/pool_target.h"
#include "cachelab/hunt/stale_plan.h"
#include "cachelab/hunt/stale_shrink.h"
#include "live/net/socket.h"
#include "live/server/server_process.h"

namespace resprobe::live {
namespace {

class StaleRunnerTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const char* program = std::getenv(GetParam());
    if (program == nullptr) GTEST_SKIP() << GetParam() << " is not set";
    std::string error;
    server_ = ServerProcess::Start({.program = program}, &error);
    ASSERT_NE(server_, nullptr) << error;
  }

  void Open(InjectedFault injected_fault = InjectedFault::kNone,
            TrackingMode tracking = TrackingMode::kDefault, int hang_seconds = 10) {
    PoolOptions options;
    options.connect = [path = server_->socket_path()](std::string* error) {
      return ConnectUnix(path, error);
    };
    options.injected_fault = injected_fault;
    options.hang_seconds = hang_seconds;
    options.tracking = tracking;
    std::string error;
    runner_.reset();
    target_ = PoolTarget::Open(options, &error);
    ASSERT_NE(target_, nullptr) << error;
    runner_ = std::make_unique<StaleRunner>(target_.get(), keys_);
    ASSERT_TRUE(runner_->Begin()) << target_->failure();
  }

  // The first violation of so many rounds.
  template <class Make>
  std::optional<StaleViolation> Hunt(int rounds, const Make& make) {
    Rng rng(1);
    for (int i = 0; i < rounds; ++i) {
      const bool sound = runner_->Run(make(i, &rng));
      for (StaleViolation& violation : runner_->TakeViolations()) return violation;
      EXPECT_TRUE(sound) << target_->failure();
      if (!sound) break;
    }
    return std::nullopt;
  }
  std::optional<StaleViolation> Race(int rounds, const RacePlan& plan) {
    return Hunt(rounds, [&](int, Rng* rng) { return MakeRace(keys_, plan, rng); });
  }
  std::optional<StaleViolation> Kill(int rounds, const KillPlan& plan) {
    return Hunt(rounds, [&](int i, Rng* rng) {
      KillKind kind;
      return MakeKill(keys_, plan, static_cast<uint64_t>(i), rng, &kind);
    });
  }
  std::string Log() const {
    std::string log;
    for (const StaleEvent& event : runner_->events()) {
      if (event.round + 1 < runner_->counts().rounds) continue;
      log += event.what + " w" + std::to_string(event.worker) + " " + event.command + " -> " +
             event.reply + "  (" + event.note + ")\n";
    }
    return log;
  }

  KeyPlan keys_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<PoolTarget> target_;
  std::unique_ptr<StaleRunner> runner_;
};
INSTANTIATE_TEST_SUITE_P(Servers, StaleRunnerTest,
                         testing::Values("RESPROBE_REDIS_SERVER", "RESPROBE_VALKEY_SERVER"),
                         [](const auto& i) { return std::string(i.param).substr(9); });

TEST_P(StaleRunnerTest, ASoundCacheServesNothingStale) {
  for (const TrackingMode mode : {TrackingMode::kDefault, TrackingMode::kNoloop,
                                  TrackingMode::kOptin, TrackingMode::kBcast}) {
    Open(InjectedFault::kNone, mode);
    const auto found = Race(150, {.kill_percent = 10, .flush_percent = 5});
    ASSERT_FALSE(found) << found->signature << "\nexpected " << found->expected << "\nseen "
                        << found->seen << "\n"
                        << Log();
    const StaleCounts& counts = runner_->counts();
    EXPECT_GT(counts.hits, 100u);
    EXPECT_GT(counts.races, 20u);
    EXPECT_GT(counts.refused, 5u);
    EXPECT_GT(counts.client_kills, 0u);
    EXPECT_GT(counts.worker_kills, 0u);
    EXPECT_EQ(counts.checked, counts.reads);
  }
}

// A canary for each: what a run cannot see, it cannot say is not there.
TEST_P(StaleRunnerTest, PlantedFaultsAreFound) {
  for (const InjectedFaultInfo& injected_fault : kInjectedFaults) {
    if (injected_fault.injected_fault == InjectedFault::kHangOnTheDead)
      continue;  // shows where one dies under the lock
    Open(injected_fault.injected_fault);
    const auto found = Race(600, {.kill_percent = 20, .flush_percent = 10});
    EXPECT_TRUE(found) << injected_fault.name;
  }
}

TEST_P(StaleRunnerTest, AHalfWrittenEntryIsFound) {
  Open(InjectedFault::kHalfPut);
  const auto found = Race(600, {});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->invariant, "no_torn_entry");
}

TEST_P(StaleRunnerTest, AWorkerThatHangsOnTheLockOfADeadOneIsFound) {
  Open(InjectedFault::kHangOnTheDead, TrackingMode::kDefault, 1);
  const auto found = Kill(400, {.signals = {SIGKILL}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->invariant, "no_lock_left");
}

TEST_P(StaleRunnerTest, AServerThatHangsIsNoFailureOfTheCache) {
  Open(InjectedFault::kNone, TrackingMode::kDefault, 1);
  Rng rng(1);
  EXPECT_TRUE(runner_->Run(MakeRace(keys_, {}, &rng)));
  server_->Signal(SIGSTOP);
  // One may do without the server.
  while (runner_->Run(MakeRace(keys_, {}, &rng))) {
  }
  EXPECT_TRUE(runner_->TakeViolations().empty());
  EXPECT_EQ(target_->failure(), "the server does not answer: it says nothing for 1 s");
  server_->Signal(SIGCONT);
}

TEST_P(StaleRunnerTest, AFailureIsMadeSmallAndFailsAgain) {
  Open(InjectedFault::kKeepOnLoss);
  StaleCase whole{keys_, {}};
  const auto found = Hunt(600, [&](int, Rng* rng) {
    whole.rounds.push_back(MakeRace(keys_, {.kill_percent = 30}, rng));
    return whole.rounds.back();
  });
  ASSERT_TRUE(found);
  const ShrunkCase shrunk = Shrink(target_.get(), whole, found->invariant, {});
  ASSERT_TRUE(shrunk.reproduced);
  size_t steps = 0;
  for (const Round& round : shrunk.smallest.rounds) {
    steps += round.actions.size() + round.checks.size();
  }
  // Read, kill, write, read again; the system may want one or two more.
  EXPECT_LE(steps, 8u);
  EXPECT_GE(steps, 4u);
}

TEST_P(StaleRunnerTest, DeathsAtEachPointLeaveNothingStaleAndNothingLocked) {
  Open();
  const auto found = Kill(400, {.signals = {SIGKILL, SIGTERM, SIGSTOP}});
  ASSERT_FALSE(found) << found->signature << "\nexpected " << found->expected << "\nseen "
                      << found->seen << "\n"
                      << Log();
  const StaleCounts& counts = runner_->counts();
  EXPECT_EQ(counts.not_cached, 0u);
  EXPECT_GT(counts.confirmed, 80u);
  EXPECT_GT(counts.client_kills, 100u);
  EXPECT_GT(counts.worker_kills, 100u);
  EXPECT_GT(target_->pool().cache().counts().recoveries, 10u);
}

}  // namespace
}  // namespace resprobe::live
