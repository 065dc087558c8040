#include "live/stale/stale_runner.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <memory>

#include "live/server_process.h"
#include "live/socket.h"
#include "live/stale/pool_target.h"
#include "live/stale/stale_plan.h"

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

  void Open(Plant plant = Plant::kNone, TrackingMode tracking = TrackingMode::kDefault) {
    PoolOptions options;
    options.connect = [path = server_->socket_path()](std::string* error) {
      return ConnectUnix(path, error);
    };
    options.plant = plant;
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
    Open(Plant::kNone, mode);
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

TEST_P(StaleRunnerTest, PlantedFaultsAreFound) {
  for (const PlantInfo& plant : kPlants) {
    Open(plant.plant);
    const auto found = Race(400, {.kill_percent = 20, .flush_percent = 10});
    EXPECT_TRUE(found) << plant.name;
    if (!found) continue;
    printf("%s: round %llu: %s: %s; expected %s\n", std::string(plant.name).c_str(),
           (unsigned long long)found->round, found->signature.c_str(), found->seen.c_str(),
           found->expected.c_str());
  }
}

TEST_P(StaleRunnerTest, DeathsAtEachPointLeaveNothing) {
  Open();
  const auto found = Kill(300, {.signals = {SIGKILL, SIGTERM, SIGSTOP}});
  ASSERT_FALSE(found) << found->signature << "\nexpected " << found->expected << "\nseen "
                      << found->seen << "\n"
                      << Log();
  const StaleCounts& counts = runner_->counts();
  printf("confirmed %llu not %llu client %llu worker %llu races %llu refused %llu lost %llu\n",
         (unsigned long long)counts.confirmed, (unsigned long long)counts.not_cached,
         (unsigned long long)counts.client_kills, (unsigned long long)counts.worker_kills,
         (unsigned long long)counts.races, (unsigned long long)counts.refused,
         (unsigned long long)counts.lost);
}

}  // namespace
}  // namespace resprobe::live
