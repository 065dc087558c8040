// error: static assertion failed due to requirement 'kHasStart<NoStart>': the world lacks a public
// Start(): declare void Start(const Config& config, resprobe::RunContext& run);

#include "tests/engine/wrong_worlds/sound.h"

struct NoStart : Sound {
  void Start(RunContext& run);
};

resprobe::OpsHarness<NoStart> harness;
