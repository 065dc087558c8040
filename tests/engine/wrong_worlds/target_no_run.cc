// error: static assertion failed due to requirement 'kHasRun<NoRun>': the target lacks a public
// Run(): declare void Run(resprobe::Bytes input, resprobe::RunContext& run);

#include "tests/engine/wrong_worlds/sound.h"

struct NoRun : Target {
  void Run(std::string input, RunContext& run);
};

resprobe::RawHarness<NoRun> harness;
