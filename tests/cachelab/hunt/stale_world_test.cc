#include "cachelab/hunt/stale_world.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include "cachelab/hunt/pool_target.h"
#include "cachelab/hunt/stale_generate.h"
#include "cachelab/hunt/stale_shrink.h"
#include "engine/ops_text.h"
#include "live/net/socket.h"
#include "live/server/server_process.h"

namespace resprobe::cachelab {
namespace {

class StaleWorldTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const char* program = std::getenv(GetParam());
    if (program == nullptr) GTEST_SKIP() << GetParam() << " is not set";
    std::string error;
    server_ = live::ServerProcess::Start({.program = program}, &error);
    ASSERT_NE(server_, nullptr) << error;
  }

  void Open(InjectedFault injected_fault = InjectedFault::kNone,
            TrackingMode tracking = TrackingMode::kDefault, int hang_seconds = 10) {
    PoolOptions options;
    options.connect = [path = server_->socket_path()](std::string* error) {
      return live::ConnectUnix(path, error);
    };
    options.injected_fault = injected_fault;
    options.hang_seconds = hang_seconds;
    options.tracking = tracking;
    std::string error;
    target_ = PoolTarget::Open(options, &error);
    ASSERT_NE(target_, nullptr) << error;
    counts_ = {};
  }

  // Runs cases from seed 1 on until `rounds` rounds have run, or one fails.
  template <class Generate>
  std::optional<StaleOutcome> Hunt(uint64_t rounds, const Generate& generate) {
    for (uint64_t seed = 1; counts_.rounds < rounds; ++seed) {
      arena_.Reset();
      generate(seed);
      StaleOutcome outcome = RunStaleCase(target_.get(), case_);
      counts_ += outcome.counts;
      if (outcome.violation) return outcome;
      EXPECT_TRUE(outcome.sound) << target_->failure();
      if (!outcome.sound) break;
    }
    return std::nullopt;
  }
  std::optional<StaleOutcome> Race(uint64_t rounds, const RacePlan& plan) {
    return Hunt(rounds, [&](uint64_t seed) { GenerateRaces(seed, {}, plan, &case_); });
  }
  std::optional<StaleOutcome> Kill(uint64_t rounds, const KillPlan& plan) {
    return Hunt(rounds, [&](uint64_t seed) { GenerateKills(seed, {}, plan, &case_); });
  }
  static std::string Log(const StaleOutcome& outcome) {
    std::string log = outcome.signature + "\nexpected " + outcome.violation->expected + "\nseen " +
                      outcome.violation->seen + "\n";
    for (const StaleEvent& event : outcome.events) {
      log += "#" + std::to_string(event.op) + " " + event.what + " w" +
             std::to_string(event.worker) + " " + event.command + " -> " + event.reply + "  (" +
             event.note + ")\n";
    }
    return log;
  }

  Arena arena_;
  StaleCase case_;  // the last one
  StaleCounts counts_;
  std::unique_ptr<live::ServerProcess> server_;
  std::unique_ptr<PoolTarget> target_;
};
INSTANTIATE_TEST_SUITE_P(Servers, StaleWorldTest,
                         testing::Values("RESPROBE_REDIS_SERVER", "RESPROBE_VALKEY_SERVER"),
                         [](const auto& i) { return std::string(i.param).substr(9); });

TEST_P(StaleWorldTest, ASoundCacheServesNothingStale) {
  for (const TrackingMode mode : {TrackingMode::kDefault, TrackingMode::kNoloop,
                                  TrackingMode::kOptin, TrackingMode::kBcast}) {
    Open(InjectedFault::kNone, mode);
    const auto found = Race(150, {.kill_percent = 10, .flush_percent = 5});
    ASSERT_FALSE(found) << Log(*found);
    const StaleCounts& counts = counts_;
    EXPECT_GT(counts.hits, 100u);
    EXPECT_GT(counts.races, 20u);
    EXPECT_GT(counts.refused, 5u);
    EXPECT_GT(counts.client_kills, 0u);
    EXPECT_GT(counts.worker_kills, 0u);
    EXPECT_EQ(counts.checked, counts.reads);
  }
}

// A canary for each fault: a run must be able to detect what it claims is absent.
TEST_P(StaleWorldTest, PlantedFaultsAreFound) {
  for (const InjectedFaultInfo& injected_fault : kInjectedFaults) {
    if (injected_fault.injected_fault == InjectedFault::kHangOnTheDead)
      continue;  // needs a worker that dies under the lock
    Open(injected_fault.injected_fault);
    const auto found = Race(600, {.kill_percent = 20, .flush_percent = 10});
    EXPECT_TRUE(found) << injected_fault.name;
  }
}

TEST_P(StaleWorldTest, AHalfWrittenEntryIsFound) {
  Open(InjectedFault::kHalfPut);
  const auto found = Race(600, {});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->violation->invariant, "no_torn_entry");
}

TEST_P(StaleWorldTest, AWorkerThatHangsOnTheLockOfADeadOneIsFound) {
  Open(InjectedFault::kHangOnTheDead, TrackingMode::kDefault, 1);
  const auto found = Kill(400, {.signals = {stale::KillSignalOf(SIGKILL)}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->violation->invariant, "no_lock_left");
}

TEST_P(StaleWorldTest, AWorkerThatCrashesIsAFindingOfItsOwn) {
  Open(InjectedFault::kCrashOnWrite);
  ASSERT_EQ(Parse("ops shared_cache\ncached_write wait=yes\n", &arena_, &case_), "");
  const StaleOutcome outcome = RunStaleCase(target_.get(), case_);
  ASSERT_TRUE(outcome.violation);
  EXPECT_EQ(outcome.violation->invariant, "no_worker_crash");
  EXPECT_NE(outcome.violation->seen.find("    #0 0x"), std::string::npos)
      << outcome.violation->seen;
  EXPECT_EQ(outcome.counts.worker_kills, 0u);
  EXPECT_EQ(target_->deaths(), 0u);
}

TEST_P(StaleWorldTest, AServerThatHangsIsNoFailureOfTheCache) {
  Open(InjectedFault::kNone, TrackingMode::kDefault, 1);
  GenerateRaces(1, {}, {}, &case_);
  EXPECT_TRUE(RunStaleCase(target_.get(), case_).sound);
  server_->Signal(SIGSTOP);
  const StaleOutcome outcome = RunStaleCase(target_.get(), case_);
  EXPECT_FALSE(outcome.sound);
  EXPECT_FALSE(outcome.violation);
  EXPECT_EQ(target_->failure(), "the server does not answer: it says nothing for 1 s");
  server_->Signal(SIGCONT);
}

TEST_P(StaleWorldTest, AFailureIsMadeSmallAndFailsAgain) {
  Open(InjectedFault::kKeepOnLoss);
  const auto found = Race(600, {.kill_percent = 30});
  ASSERT_TRUE(found);
  const ShrunkCase shrunk = Shrink(target_.get(), case_, *found->violation, {});
  ASSERT_TRUE(shrunk.reproduced);
  EXPECT_EQ(shrunk.outcome.violation->invariant, found->violation->invariant);
  // Read, kill, write, read again; timing may require one or two more.
  EXPECT_LE(shrunk.smallest.ops.size(), 8u) << Print(shrunk.smallest);
  EXPECT_GE(shrunk.smallest.ops.size(), 4u) << Print(shrunk.smallest);
}

// A run that ends at a violation must not leave a worker held: the next run would wait for it.
TEST_P(StaleWorldTest, AWorkerThatWasHeldAtAViolationGoesOn) {
  Open(InjectedFault::kCrashOnWrite, TrackingMode::kDefault, 3);
  ASSERT_EQ(Parse("ops shared_cache\nhold point=before-put\nread wait=held\n"
                  "cached_write worker=1 wait=yes\n",
                  &arena_, &case_),
            "");
  for (int i = 0; i < 2; ++i) {
    const StaleOutcome outcome = RunStaleCase(target_.get(), case_);
    EXPECT_TRUE(outcome.sound);
    ASSERT_TRUE(outcome.violation);
    EXPECT_EQ(outcome.violation->invariant, "no_worker_crash");
  }
}

// A failpoint that is armed in one case and not reached must not kill in the next.
TEST_P(StaleWorldTest, AnArmedFailpointEndsWithItsCase) {
  Open();
  ASSERT_EQ(Parse("ops shared_cache\narm point=before-put\n", &arena_, &case_), "");
  EXPECT_TRUE(RunStaleCase(target_.get(), case_).sound);
  ASSERT_EQ(Parse("ops shared_cache\nread wait=answer\n", &arena_, &case_), "");
  EXPECT_EQ(RunStaleCase(target_.get(), case_).counts.lost, 0u);
  EXPECT_EQ(target_->deaths(), 0u);
}

TEST_P(StaleWorldTest, DeathsAtEachPointLeaveNothingStaleAndNothingLocked) {
  Open();
  const auto found =
      Kill(400, {.signals = {stale::KillSignalOf(SIGKILL), stale::KillSignalOf(SIGTERM),
                             stale::KillSignalOf(SIGSTOP)}});
  ASSERT_FALSE(found) << Log(*found);
  const StaleCounts& counts = counts_;
  EXPECT_EQ(counts.not_cached, 0u);
  EXPECT_GT(counts.confirmed, 80u);
  EXPECT_GT(counts.client_kills, 100u);
  EXPECT_GT(counts.worker_kills, 100u);
  EXPECT_GT(target_->pool().cache().counts().recoveries, 10u);
}

}  // namespace
}  // namespace resprobe::cachelab
