#ifndef RESPROBE_CLI_LOAD_SOAK_JUDGE_H_
#define RESPROBE_CLI_LOAD_SOAK_JUDGE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "report/report.h"

namespace resprobe::cli {

// One sample of the server. The run takes it after each interval, when the load has disconnected.
struct SoakSample {
  double at = 0;  // seconds since the run began
  uint64_t operations = 0;
  double seconds = 0;  // of the interval's load
  double p99_ms = 0;
  std::map<std::string, double, std::less<>> values;  // by the name of a SoakValue; may lack some

  double rate() const { return seconds > 0 ? static_cast<double>(operations) / seconds : 0; }
};

struct SoakValue {
  enum class Rule {
    kMemory,  // bytes: must not grow by more than a share of what it is
    kCount,   // must not grow at all
    kShown,   // is not judged
  };
  std::string_view name;
  std::string_view unit;
  Rule rule;
  std::string_view check;  // the word of --checks
};
// In the order of a report.
std::span<const SoakValue> SoakValues();
inline constexpr const char* kSoakChecks[] = {"memory", "descriptors", "threads", "files",
                                              "throughput"};

struct SoakLimits {
  double growth_percent = 5;  // of used_memory; of resident memory twice as much
  double drop_percent = 20;   // of throughput
  std::vector<std::string> checks;
};

// Samples that are left out at the beginning: a tenth, and three at least.
size_t SoakWarmUp(size_t samples);

// One result for each value and for the throughput. With fewer than live::kFewestSamples after the
// warm-up they are unknown; a value that was not sampled is skipped.
std::vector<report::Result> JudgeSoak(const std::vector<SoakSample>& samples,
                                      const SoakLimits& limits);

// A plot of each value over time, of the throughput and the latency.
std::vector<report::Plot> PlotsOf(const std::vector<SoakSample>& samples);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_LOAD_SOAK_JUDGE_H_
