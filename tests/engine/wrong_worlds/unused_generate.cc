// error: static assertion failed due to requirement 'kGenerateIsUsed<UnusedGenerate>': the world's
// Generate() fills no op: declare it public and static, as static void Generate(resprobe::Gen& gen,
// SomeOp& op);

#include "tests/engine/wrong_worlds/sound.h"

struct UnusedGenerate : Sound {
  void Generate(resprobe::Gen& gen, Push& op);
};

resprobe::OpsHarness<UnusedGenerate> harness;
