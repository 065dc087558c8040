// error: static assertion failed due to requirement 'kHasGenerate<NoGenerate>': the target lacks a
// public Generate(): declare void Generate(uint64_t seed, resprobe::Tape& out);

#include "tests/engine/wrong_worlds/sound.h"

struct NoGenerate : Target {
  resprobe::Tape Generate();
};

resprobe::RawHarness<NoGenerate> harness;
