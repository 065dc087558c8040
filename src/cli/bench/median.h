#ifndef RESPROBE_CLI_BENCH_MEDIAN_H_
#define RESPROBE_CLI_BENCH_MEDIAN_H_

#include <algorithm>
#include <cstddef>
#include <vector>

namespace resprobe::cli {

// The mean of the middle two if there is an even number of values; 0 of none.
template <class T>
T Median(std::vector<T> values) {
  if (values.empty()) return T{};
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_BENCH_MEDIAN_H_
