#include "driver/afl_warmup.h"

#include <cstddef>
#include <cstdint>
#include <set>

#include "driver/isolate.h"

namespace resprobe::driver {
namespace {

constexpr uint64_t kSeeds = 4096;
// The number of seeds that are also run as large inputs, which take a hundred times as long.
constexpr uint64_t kLargeSeeds = 512;
constexpr size_t kLargest = 8192;
constexpr size_t kPieces = 128;
constexpr size_t kLongestPiece = 8;
constexpr IsolateLimits kLimits = {.timeout_seconds = 20, .rss_mb = 2048};

// Adds the short pieces of `tape` that end in a newline or a space.
void AddPieces(const Tape& tape, std::set<Tape>* pieces) {
  Tape piece;
  for (const uint8_t byte : tape) {
    piece.push_back(byte);
    if (byte != '\n' && byte != ' ') continue;
    if (piece.size() <= kLongestPiece && pieces->size() < kPieces) pieces->insert(piece);
    piece.clear();
  }
}

Tape Repeated(const Tape& tape) {
  Tape repeated;
  while (!tape.empty() && repeated.size() < kLargest) {
    repeated.insert(repeated.end(), tape.begin(), tape.end());
  }
  return repeated;
}

void RunTapes(Harness& harness, RunContext& run) {
  const auto run_one = [&](const Tape& tape) {
    run.Reset();
    harness.Run(tape, run);
  };
  std::set<Tape> pieces;
  Tape all;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Tape tape = harness.Generate(seed);
    run_one(tape);
    if (seed < kLargeSeeds) run_one(Repeated(tape));
    // All seeds in one input.
    all.insert(all.end(), tape.begin(), tape.end());
    if (all.size() >= kLargest) {
      run_one(all);
      all.clear();
    }
    AddPieces(tape, &pieces);
  }
  // As many small elements of one kind as an input can hold.
  for (const Tape& piece : pieces) run_one(Repeated(piece));
  // Run all again, now that all memory has its size.
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
