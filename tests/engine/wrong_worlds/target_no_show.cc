// error: static assertion failed due to requirement 'kHasShow<NoShow>': the target lacks a public
// Show(): declare std::string Show(resprobe::Bytes input);

#include "tests/engine/wrong_worlds/sound.h"

struct NoShow : Target {
  void Show(resprobe::Bytes input);
};

resprobe::RawHarness<NoShow> harness;
