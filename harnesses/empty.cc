// A target that does nothing, to measure the cost of engine, sanitizers and driver. ./resprobe
// bench compares the others with it; it is not among the harnesses that are fuzzed.

#include <span>

#include "driver/fuzz_main.h"
#include "engine/raw_harness.h"

namespace resprobe {
namespace {

struct Empty {
  static constexpr std::string_view kName = "empty";
  static constexpr std::string_view kSummary = "nothing; the yardstick of the benchmark";
  static constexpr std::span<const InvariantInfo> kInvariants{};
  void Run(Bytes, RunContext&) {}
  std::string Show(Bytes) { return ""; }
  void Generate(uint64_t, Tape&) {}
};

}  // namespace
}  // namespace resprobe

RESPROBE_HARNESS(resprobe::RawHarness<resprobe::Empty>)
