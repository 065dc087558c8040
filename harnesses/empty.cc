// The target that does nothing: what an engine, the sanitizers and the driver cost by themselves.
// ./resprobe bench measures the others against it; it is not among the harnesses that are fuzzed.

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
