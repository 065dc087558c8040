#include "live/load/trend.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace resprobe::live {

Trend TrendOf(const std::vector<double>& samples) {
  Trend trend;
  const size_t n = samples.size();
  if (n < 2) return trend;
  std::vector<double> slopes;
  slopes.reserve(n * (n - 1) / 2);
  double rises = 0;
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = i + 1; j < n; ++j) {
      const double difference = samples[j] - samples[i];
      slopes.push_back(difference / static_cast<double>(j - i));
      rises += difference > 0 ? 1 : difference < 0 ? -1 : 0;
    }
  }
  trend.slope = MedianOf(std::move(slopes));
  trend.growth = trend.slope * static_cast<double>(n - 1);
  const auto term = [](double count) { return count * (count - 1) * (2 * count + 5); };
  double variance = term(static_cast<double>(n));
  std::map<double, double> ties;
  for (const double sample : samples) ++ties[sample];
  for (const auto& [sample, count] : ties) variance -= term(count);
  variance /= 18;
  if (variance <= 0) return trend;  // all are equal
  const double z = (rises > 0 ? rises - 1 : rises < 0 ? rises + 1 : 0) / std::sqrt(variance);
  trend.p = std::erfc(z / std::sqrt(2)) / 2;
  return trend;
}

double SmallestSlopeSeen(const std::vector<double>& samples, double threshold) {
  if (samples.size() < kFewestSamples) return std::numeric_limits<double>::infinity();
  const double slope = TrendOf(samples).slope;
  const auto seen = [&](double added) {
    std::vector<double> with = samples;
    for (size_t i = 0; i < with.size(); ++i) with[i] += (added - slope) * static_cast<double>(i);
    return TrendOf(with).Grows(threshold);
  };
  double high = std::max(threshold, 1e-9) / static_cast<double>(samples.size() - 1);
  constexpr int kDoublings = 80;
  for (int i = 0; i < kDoublings && !seen(high); ++i) high *= 2;
  if (!seen(high)) return std::numeric_limits<double>::infinity();
  double low = 0;
  constexpr int kHalvings = 14;
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = (low + high) / 2;
    (seen(middle) ? high : low) = middle;
  }
  return high;
}

double MedianOf(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

double VariationOf(const std::vector<double>& values) {
  if (values.empty()) return 0;
  const auto count = static_cast<double>(values.size());
  double mean = 0;
  for (const double value : values) mean += value / count;
  double variance = 0;
  for (const double value : values) variance += (value - mean) * (value - mean) / count;
  return mean == 0 ? 0 : std::sqrt(variance) / mean;
}

double DropOf(const std::vector<double>& values) {
  const auto fifth = static_cast<std::ptrdiff_t>(values.size() / 5);
  if (fifth == 0) return 0;
  const double first = MedianOf({values.begin(), values.begin() + fifth});
  const double last = MedianOf({values.end() - fifth, values.end()});
  return first == 0 ? 0 : (first - last) / first;
}

}  // namespace resprobe::live
