// error: static assertion failed due to requirement 'kSimplifyIsUsed<UnusedSimplify>': the shrinker
// cannot call the target's Simplify(): declare it public, as bool Simplify(resprobe::Tape* tape,
// const std::function<bool(const resprobe::Tape&)>& still_fails);

#include "tests/engine/wrong_worlds/sound.h"

struct UnusedSimplify : Target {
  bool Simplify(resprobe::Tape& tape);
};

resprobe::RawHarness<UnusedSimplify> harness;
