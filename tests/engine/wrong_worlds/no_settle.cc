// error: static assertion failed due to requirement 'kHasSettle<NoSettle>': the world lacks a
// public Settle(): declare void Settle(resprobe::RunContext& run);

#include "tests/engine/wrong_worlds/sound.h"

struct NoSettle : Sound {
  void Settle();
};

resprobe::OpsHarness<NoSettle> harness;
