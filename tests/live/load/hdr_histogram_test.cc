#include "live/load/hdr_histogram.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace resprobe::live {
namespace {

TEST(HdrHistogramTest, ThreeDigitsAreKept) {
  for (int64_t value = 1; value < HdrHistogram::kHighest; value = value * 3 / 2 + 1) {
    HdrHistogram histogram;
    histogram.Record(value);
    const int64_t kept = histogram.Percentile(50);
    EXPECT_GE(kept, value);
    EXPECT_LE(kept - value, value / 1000) << value;
  }
}

TEST(HdrHistogramTest, NoPercentileIsAboveTheMaximum) {
  HdrHistogram histogram;
  histogram.Record(1'000'000'001);
  EXPECT_EQ(histogram.max(), 1'000'000'001);
  EXPECT_EQ(histogram.Percentile(99.9), histogram.max());
}

TEST(HdrHistogramTest, Percentiles) {
  HdrHistogram histogram;
  for (int64_t value = 1; value <= 1000; ++value) histogram.Record(value);
  EXPECT_EQ(histogram.count(), 1000);
  EXPECT_EQ(histogram.min(), 1);
  EXPECT_EQ(histogram.max(), 1000);
  EXPECT_EQ(histogram.Percentile(50), 500);
  EXPECT_EQ(histogram.Percentile(99.9), 999);
  EXPECT_EQ(histogram.Percentile(100), 1000);
  EXPECT_NEAR(histogram.mean(), 501, 0.5);
}

TEST(HdrHistogramTest, PartsAddUp) {
  HdrHistogram one;
  HdrHistogram other;
  one.Record(5, 10);
  other.Record(2'000'000'000);
  one.Add(other);
  EXPECT_EQ(one.count(), 11);
  EXPECT_EQ(one.Percentile(90), 5);
  EXPECT_EQ(one.max(), 2'000'000'000);
  one.Reset();
  EXPECT_EQ(one.count(), 0);
  EXPECT_EQ(one.Percentile(99), 0);
}

TEST(HdrHistogramTest, WhatIsTooLargeCountsAsTheHighest) {
  HdrHistogram histogram;
  histogram.Record(INT64_MAX);
  histogram.Record(-7);
  EXPECT_EQ(histogram.max(), HdrHistogram::kHighest);
  EXPECT_EQ(histogram.min(), 1);
}

// HdrHistogram's own reader (Java, 2.1.11) reads this line as what it is made of.
TEST(HdrHistogramTest, ALineOfALog) {
  HdrHistogram histogram;
  histogram.Record(1);
  histogram.Record(1000);
  histogram.Record(1'000'000, 2);
  EXPECT_EQ(HdrLogLine("get", 0.5, 1, histogram),
            "Tag=get,0.500,1.000,1.000,HISTFAAAADx4AQExAM7/"
            "HISTEwAAAAkAAAAAAAAAAwAAAAAAAAABAAADRjC4oAA/8AAAAAAAAAECyw8C754BBIH8BsU=\n");
}

}  // namespace
}  // namespace resprobe::live
