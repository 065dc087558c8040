// error: static assertion failed due to requirement 'kHasConfig<NoConfig>': the world lacks a
// public Config: declare struct Config {};, with a field for each choice that is made once for a
// run

#include "tests/engine/wrong_worlds/sound.h"

struct NoConfig : Steps {
  using Op = std::variant<Push>;
};

resprobe::OpsHarness<NoConfig> harness;
