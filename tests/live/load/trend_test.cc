#include "live/load/trend.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "engine/rng.h"

namespace resprobe::live {
namespace {

// 40 samples around 1000, with a slope and noise of ±`noise`.
std::vector<double> Samples(double slope, double noise, uint64_t seed = 1) {
  Rng rng(seed);
  std::vector<double> samples;
  for (int i = 0; i < 40; ++i) {
    const double random = static_cast<double>(rng.Below(2001)) / 1000 - 1;
    samples.push_back(1000 + slope * i + noise * random);
  }
  return samples;
}

TEST(TrendTest, IsThatOfTheTextbook) {
  // 10 samples, 1 inversion: S = 43, variance 125, z = 42 / sqrt(125).
  const Trend trend = TrendOf({1, 2, 3, 4, 5, 6, 7, 8, 10, 9});
  EXPECT_NEAR(trend.slope, 1, 1e-9);
  EXPECT_NEAR(trend.p, 0.0000859, 1e-6);
  // With ties: S = 5, variance (4·3·13 - 2·1·9) / 18 = 7.667.
  EXPECT_NEAR(TrendOf({1, 2, 2, 3}).p, std::erfc(4 / std::sqrt(138.0 / 18) / std::sqrt(2)) / 2,
              1e-9);
  EXPECT_EQ(TrendOf({5, 5, 5, 5}).p, 1);
  EXPECT_EQ(TrendOf({}).p, 1);
}

TEST(TrendTest, AJumpIsNoLeak) {
  std::vector<double> samples = Samples(0, 0);
  samples[20] = 1e9;
  EXPECT_FALSE(TrendOf(samples).Grows(10));
  EXPECT_EQ(TrendOf(samples).slope, 0);
}

TEST(TrendTest, NoiseIsRarelyALeak) {
  int leaks = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    leaks += TrendOf(Samples(0, 50, seed)).Grows(0) ? 1 : 0;
  }
  EXPECT_LE(leaks, 8);  // 1 in 100 is what p says
  for (uint64_t seed = 0; seed < 50; ++seed) {
    EXPECT_TRUE(TrendOf(Samples(3, 50, seed)).Grows(50)) << seed;
  }
}

TEST(TrendTest, SaysTheSmallestThatItWouldHaveSeen) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const std::vector<double> sound = Samples(0, 50, seed);
    const double smallest = SmallestSlopeSeen(sound, 20);
    const double own = TrendOf(sound).slope;
    const auto with = [&](double slope) {
      std::vector<double> samples = sound;
      for (size_t i = 0; i < samples.size(); ++i) {
        samples[i] += (slope - own) * static_cast<double>(i);
      }
      return TrendOf(samples).Grows(20);
    };
    EXPECT_TRUE(with(smallest * 1.01)) << seed;
    EXPECT_FALSE(with(smallest * 0.98)) << seed;
  }
  // Without noise the threshold alone decides.
  EXPECT_NEAR(SmallestSlopeSeen(Samples(0, 0), 39), 1, 0.01);
  EXPECT_TRUE(std::isinf(SmallestSlopeSeen({1, 2, 3}, 1)));
}

TEST(TrendTest, FallingThroughputIsADrop) {
  EXPECT_NEAR(DropOf({10, 10, 9, 9, 9, 9, 9, 9, 5, 5}), 0.5, 1e-9);
  EXPECT_LT(DropOf({5, 5, 9, 9, 9, 9, 9, 9, 10, 10}), 0);
  EXPECT_EQ(VariationOf({3, 3, 3}), 0);
  EXPECT_NEAR(VariationOf({1, 3}), 0.5, 1e-9);
}

}  // namespace
}  // namespace resprobe::live
