#include "sim/clock.h"

#include <gtest/gtest.h>

namespace resprobe {
namespace {

constexpr int64_t kSecond = 1'000'000;

TEST(ClockTest, ShowsTrueTimeFromWhereItWasSet) {
  Clock clock;
  clock.Reset(1'700'000'000 * kSecond, /*now_us=*/5);
  EXPECT_EQ(clock.Read(5), 1'700'000'000 * kSecond);
  EXPECT_EQ(clock.Read(5 + 3 * kSecond), 1'700'000'003 * kSecond);
}

TEST(ClockTest, JumpsForwardsAndBackwards) {
  Clock clock;
  clock.Reset(0);
  clock.Jump(10 * kSecond, kSecond);
  EXPECT_EQ(clock.Read(kSecond), 11 * kSecond);
  clock.Jump(-20 * kSecond, 2 * kSecond);
  EXPECT_EQ(clock.Read(3 * kSecond), -7 * kSecond);
}

TEST(ClockTest, DriftGainsPartsPerMillion) {
  Clock clock;
  clock.Reset(0);
  clock.SetDrift(100, 0);
  EXPECT_EQ(clock.Read(kSecond), kSecond + 100);
  // A change of the rate is no jump.
  clock.SetDrift(-100, kSecond);
  EXPECT_EQ(clock.Read(kSecond), kSecond + 100);
  EXPECT_EQ(clock.Read(2 * kSecond), 2 * kSecond);
}

TEST(ClockTest, DriftIsLimitedSoThatTheClockNeverStandsStill) {
  Clock clock;
  clock.Reset(0);
  clock.SetDrift(-5 * kSecond, 0);
  EXPECT_EQ(clock.drift_ppm(), -Clock::kMaxDriftPpm);
  EXPECT_EQ(clock.Read(kSecond), kSecond / 2);
}

TEST(ClockTest, ATimerIsDueAtTheFirstTimeThatShowsIt) {
  for (const int64_t ppm : {0, 1, 333'333, -333'333, 500'000, -500'000}) {
    Clock clock;
    clock.Reset(7);
    clock.SetDrift(ppm, 3);
    for (int64_t shows = 0; shows < 2000; shows += 17) {
      const int64_t at = clock.TrueTimeOf(shows, 10);
      EXPECT_GE(clock.Read(at), shows) << ppm;
      if (at > 10) EXPECT_LT(clock.Read(at - 1), shows) << ppm;
    }
  }
}

TEST(ClockTest, YearsDoNotOverflow) {
  constexpr int64_t kYears = int64_t{100} * 365 * 86'400 * kSecond;
  Clock clock;
  clock.Reset(0);
  clock.SetDrift(500'000, 0);
  EXPECT_EQ(clock.Read(kYears), kYears + kYears / 2);
  EXPECT_EQ(clock.TrueTimeOf(kYears + kYears / 2, 0), kYears);
}

}  // namespace
}  // namespace resprobe
