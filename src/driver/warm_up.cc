#include "driver/warm_up.h"

#include <cstddef>
#include <cstdint>

#include "driver/isolate.h"

namespace resprobe::driver {
namespace {

constexpr uint64_t kSeeds = 128;
constexpr size_t kLargest = 8192;
constexpr IsolateLimits kLimits = {.timeout_seconds = 20, .rss_mb = 2048};

void RunTapes(Harness& harness, RunContext& run) {
  const auto run_one = [&](const Tape& tape) {
    run.Reset();
    harness.Run(tape, run);
  };
  Tape all;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Tape tape = harness.Generate(seed);
    run_one(tape);
    // The same over and over, for many small things of one kind; and all sorts together.
    Tape repeated;
    while (!tape.empty() && repeated.size() < kLargest) {
      repeated.insert(repeated.end(), tape.begin(), tape.end());
    }
    run_one(repeated);
    all.insert(all.end(), tape.begin(), tape.end());
    if (all.size() >= kLargest) {
      run_one(all);
      all.clear();
    }
  }
  // Again from the first, now that everything has its size.
  for (uint64_t seed = 0; seed < kSeeds; ++seed) run_one(harness.Generate(seed));
  run.Reset();
}

}  // namespace

bool WarmUp(Harness& harness, RunContext& run) {
  const IsolateResult trial = Isolate(kLimits, [&] {
    RunTapes(harness, run);
    return 0;
  });
  if (trial.timed_out || trial.out_of_memory || trial.signalled || trial.exit_code != 0) {
    return false;
  }
  RunTapes(harness, run);
  return true;
}

}  // namespace resprobe::driver
