#ifndef RESPROBE_LIVE_LOAD_TREND_H_
#define RESPROBE_LIVE_LOAD_TREND_H_

#include <vector>

// Whether a value that is sampled at equal distances grows: what a long run says about leaks.
namespace resprobe::live {

// A growth is one only if both say so: the line through the samples rises by more than the
// threshold over the whole series, and the order of the samples is none of chance.
inline constexpr double kTrendP = 0.01;
// With fewer samples than this nothing can be said.
inline constexpr size_t kFewestSamples = 20;

struct Trend {
  // The median of the slopes between all pairs of samples (Theil and Sen), per sample: single
  // samples that jump do not move it.
  double slope = 0;
  // How likely samples without a trend rise as steadily (Mann and Kendall, one-sided, with its
  // correction for ties). It takes samples for independent; those that depend on the one before
  // them look steadier than they are.
  double p = 1;
  // Of the line, from the first sample to the last.
  double growth = 0;

  bool Grows(double threshold) const { return growth > threshold && p < kTrendP; }
};
Trend TrendOf(const std::vector<double>& samples);

// The smallest slope, per sample, with which these samples, without the trend that they have, would
// have been found to grow: what the run could not have seen is below it. Infinite if there are too
// few samples.
double SmallestSlopeSeen(const std::vector<double>& samples, double threshold);

double MedianOf(std::vector<double> values);
// The standard deviation as a share of the mean; 0 if the mean is.
double VariationOf(const std::vector<double>& values);
// By how much the median of the last fifth is below that of the first, as a share of the latter;
// negative if it is above.
double DropOf(const std::vector<double>& values);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_LOAD_TREND_H_
