// error: static assertion failed due to requirement 'kMutateIsUsed<UnusedMutate>': the engine
// cannot call the target's Mutate(): declare it public, as bool Mutate(resprobe::Bytes tape,
// uint64_t seed, resprobe::Tape* out);

#include "tests/engine/wrong_worlds/sound.h"

struct UnusedMutate : Target {
  bool Mutate(resprobe::Tape* tape);
};

resprobe::RawHarness<UnusedMutate> harness;
