// A harness that fails in every way in which a harness can fail, depending on the first bytes of
// the input. With MENDED defined it does not fail; with LATE it fails only in ways that need an
// earlier run, and so it does with LEAKS, by a leak. For the tests of how failures are handled.

#include <unistd.h>

#include <cassert>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "driver/fuzz_main.h"

namespace resprobe {
namespace {

#ifdef MENDED
constexpr bool kFaulty = false;
#else
constexpr bool kFaulty = true;
#endif
#ifdef LATE
constexpr bool kLate = true;
#else
constexpr bool kLate = false;
#endif

#ifdef LEAKS
constexpr bool kLeaks = true;
#else
constexpr bool kLeaks = false;
#endif

// Not inlined: the frames are part of the crash's signature.
[[gnu::noinline]] uint8_t ReadPast(const std::vector<uint8_t>& bytes) {
  return *(bytes.data() + bytes.capacity());
}
[[gnu::noinline]] void Lose() {
  int* volatile lost = new int;
  *lost = 0;
}
[[gnu::noinline]] void AssertNothing(size_t size) { assert(size == SIZE_MAX); }
// Returns after a while if this much memory is available, long after a watchdog that polls every
// 100 ms has noticed.
[[gnu::noinline]] void TakeMemory() {
  constexpr size_t kBytes = 600 << 20;
  std::vector<uint8_t> bytes(kBytes);
  for (int pass = 0; pass < 8; ++pass) {
    for (size_t i = 0; i < kBytes; i += 64) {
      volatile uint8_t* const byte = &bytes[i];
      *byte = 1;
    }
  }
}
// Without using the processor, which other tests need.
[[gnu::noinline]] void RunForEver() {
  for (;;) pause();
}

class Fragile {
 public:
  static constexpr std::string_view kName = "fragile";
  static constexpr std::string_view kSummary = "what fails if it is asked to";
  static constexpr bool kKeepsMemory = kLeaks;
  static constexpr InvariantInfo kInvariants[] = {{"no_v", "the input does not begin with v"}};

  void Run(Bytes input, RunContext& run) {
    if (!kFaulty) return;
    ++runs_;
    if (kLate) {
      if (runs_ > 1) run.Fail("no_v", "the first run", "run " + std::to_string(runs_));
      return;
    }
    if (kLeaks) {
      if (runs_ > 1) Lose();
      return;
    }
    if (input.empty()) return;
    switch (input[0]) {
      case 'v':
        run.Fail("no_v", "anything but v", "v, of " + std::to_string(input.size()) + " bytes");
        break;
      case 'o': {
        std::vector<uint8_t> copy(input.begin(), input.end());
        copy.shrink_to_fit();
        run.trace().Line(std::to_string(ReadPast(copy)));
        break;
      }
      case 'a':
        AssertNothing(input.size());
        break;
      case 'm':
        TakeMemory();
        break;
      case 'h':
        RunForEver();
        break;
      case 'n':  // every second run
        if (runs_ % 2 == 1) run.Fail("no_v", "anything but n", "n");
        if (run.trace().on()) run.trace().Line("run " + std::to_string(runs_));
        break;
      default:
        break;
    }
  }
  std::string Show(Bytes input) { return std::string(input.begin(), input.end()); }
  void Generate(uint64_t seed, Tape& out) { out = {static_cast<uint8_t>(seed)}; }

 private:
  uint64_t runs_ = 0;
};

}  // namespace
}  // namespace resprobe

RESPROBE_HARNESS(resprobe::RawHarness<resprobe::Fragile>)
