#include "cli/load/soak_judge.h"

#include <absl/strings/str_format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "live/load/trend.h"

namespace resprobe::cli {
namespace {

// A growth below this is none of a server that is asked for 16 KiB by each client.
constexpr double kLeastGrowth = 16 << 10;
// Throughput that varies more is said to be unsteady.
constexpr double kUnsteady = 0.3;

std::string SizeText(double bytes) {
  constexpr double kMiB = 1 << 20;
  constexpr double kKiB = 1 << 10;
  if (std::abs(bytes) >= kMiB) return absl::StrFormat("%.1f MiB", bytes / kMiB);
  if (std::abs(bytes) >= kKiB) return absl::StrFormat("%.1f KiB", bytes / kKiB);
  return absl::StrFormat("%.1f bytes", bytes);
}

report::Result JudgeMemory(const SoakValue& value, const std::vector<double>& samples,
                           double operations_each, double share) {
  report::Result result = {.name = std::string(value.check) + ": " + std::string(value.name)};
  const double threshold = std::max(kLeastGrowth, share * live::MedianOf(samples));
  const live::Trend trend = live::TrendOf(samples);
  if (trend.Grows(threshold)) {
    result.status = report::Status::kFailed;
    result.note = absl::StrFormat("grows by %s in the run, %s an operation (p = %.2g)",
                                  SizeText(trend.growth),
                                  SizeText(trend.slope / std::max(operations_each, 1.0)), trend.p);
    return result;
  }
  const double smallest = live::SmallestSlopeSeen(samples, threshold);
  result.note = absl::StrFormat("the smallest leak that would have been seen: %s an operation",
                                SizeText(smallest / std::max(operations_each, 1.0)));
  return result;
}

report::Result JudgeCount(const SoakValue& value, const std::vector<double>& samples) {
  report::Result result = {.name = std::string(value.check) + ": " + std::string(value.name)};
  const auto fifth = static_cast<std::ptrdiff_t>(samples.size() / 5);
  const double first = live::MedianOf({samples.begin(), samples.begin() + fifth});
  const double last = live::MedianOf({samples.end() - fifth, samples.end()});
  const live::Trend trend = live::TrendOf(samples);
  if (last - first >= 1 && trend.p < live::kTrendP) {
    result.status = report::Status::kFailed;
    result.note = absl::StrFormat("grows from %g to %g (p = %.2g)", first, last, trend.p);
  } else {
    result.note = absl::StrFormat("%g at the end", last);
  }
  return result;
}

report::Result JudgeThroughput(const std::vector<double>& rates, double drop_percent) {
  report::Result result = {.name = "throughput"};
  const double drop = 100 * live::DropOf(rates);
  const auto silent = std::ranges::count_if(rates, [](double rate) { return rate <= 0; });
  const double variation = live::VariationOf(rates);
  result.note = absl::StrFormat(
      "median %.0f operations a second, variation %.0f%%%s, the last fifth %.0f%% %s the first",
      live::MedianOf(rates), 100 * variation, variation > kUnsteady ? " (unsteady)" : "",
      std::abs(drop), drop > 0 ? "below" : "above");
  if (silent > 0) {
    result.note = absl::StrFormat("%d intervals without an operation; ", silent) + result.note;
  }
  if (silent > 0 || drop > drop_percent) result.status = report::Status::kFailed;
  return result;
}

}  // namespace

std::span<const SoakValue> SoakValues() {
  using enum SoakValue::Rule;
  static constexpr SoakValue kValues[] = {
      {"used_memory", "bytes", kMemory, "memory"},
      {"resident memory", "bytes", kMemory, "memory"},
      {"allocated memory", "bytes", kShown, "memory"},
      {"memory of the data", "bytes", kShown, "memory"},
      {"keys", "keys", kShown, "memory"},
      {"descriptors", "open descriptors", kCount, "descriptors"},
      {"clients", "connections", kCount, "descriptors"},
      {"threads", "threads", kCount, "threads"},
      {"children", "processes", kCount, "threads"},
      {"files", "files in its folder", kCount, "files"},
      {"size of files", "bytes", kShown, "files"},
      {"resident memory of resprobe", "bytes", kShown, "memory"}};
  return kValues;
}

size_t SoakWarmUp(size_t samples) {
  constexpr size_t kLeast = 3;
  constexpr size_t kShare = 10;
  return std::min(samples, std::max(kLeast, samples / kShare));
}

std::vector<report::Result> JudgeSoak(const std::vector<SoakSample>& samples,
                                      const SoakLimits& limits) {
  const std::vector<SoakSample> counted(
      samples.begin() + static_cast<std::ptrdiff_t>(SoakWarmUp(samples.size())), samples.end());
  const auto wanted = [&](std::string_view check) {
    return std::ranges::find(limits.checks, check) != limits.checks.end();
  };
  double operations = 0;
  std::vector<double> rates;
  for (const SoakSample& sample : counted) {
    operations += static_cast<double>(sample.operations) / static_cast<double>(counted.size());
    rates.push_back(sample.rate());
  }
  std::vector<report::Result> results;
  bool memory = false;  // it was judged
  for (const SoakValue& value : SoakValues()) {
    if (value.rule == SoakValue::Rule::kShown || !wanted(value.check)) continue;
    std::vector<double> values;
    for (const SoakSample& sample : counted) {
      const auto at = sample.values.find(value.name);
      if (at != sample.values.end()) values.push_back(at->second);
    }
    report::Result result = {.name = std::string(value.check) + ": " + std::string(value.name)};
    if (values.empty()) {
      result.status = report::Status::kSkipped;
      result.note = "nothing says how many there are, or how much it is";
    } else if (values.size() < live::kFewestSamples) {
      result.status = report::Status::kUnknown;
      result.note = absl::StrFormat("%d samples after the warm-up, and fewer than %d say nothing",
                                    values.size(), live::kFewestSamples);
    } else if (value.rule == SoakValue::Rule::kMemory) {
      const double share = limits.growth_percent / 100 * (value.name == "used_memory" ? 1 : 2);
      result = JudgeMemory(value, values, operations, share);
      memory = true;
    } else {
      result = JudgeCount(value, values);
    }
    results.push_back(std::move(result));
  }
  if (wanted("memory") && !memory && counted.size() >= live::kFewestSamples) {
    results.push_back({.name = "memory",
                       .status = report::Status::kUnknown,
                       .note = "the server does not say how much it has, and its process is not "
                               "on this machine"});
  }
  if (!wanted("throughput")) return results;
  if (counted.size() < live::kFewestSamples) {
    results.push_back({.name = "throughput",
                       .status = report::Status::kUnknown,
                       .note = absl::StrFormat("%d samples after the warm-up", counted.size())});
  } else {
    results.push_back(JudgeThroughput(rates, limits.drop_percent));
  }
  return results;
}

std::vector<report::Plot> PlotsOf(const std::vector<SoakSample>& samples) {
  report::Plot rate = {.title = "Throughput",
                       .x = "seconds",
                       .y = "operations a second",
                       .lines = {{"all connections", {}}}};
  report::Plot latency = {
      .title = "Latency", .x = "seconds", .y = "ms", .lines = {{"p99 of the interval", {}}}};
  for (const SoakSample& sample : samples) {
    rate.lines[0].points.emplace_back(sample.at, sample.rate());
    latency.lines[0].points.emplace_back(sample.at, sample.p99_ms);
  }
  std::vector<report::Plot> plots = {std::move(rate), std::move(latency)};
  for (const SoakValue& value : SoakValues()) {
    report::Plot::Line line = {.name = std::string(value.name), .points = {}};
    for (const SoakSample& sample : samples) {
      const auto at = sample.values.find(value.name);
      if (at != sample.values.end()) line.points.emplace_back(sample.at, at->second);
    }
    if (line.points.empty()) continue;
    std::string title(value.name);
    if (!title.contains('_'))
      title[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(title[0])));
    plots.push_back({std::move(title), "seconds", std::string(value.unit), {std::move(line)}});
  }
  return plots;
}

}  // namespace resprobe::cli
