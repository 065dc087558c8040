// error: static assertion failed due to requirement 'kHasOp<NoOp>': the world lacks a public Op:
// declare using Op = std::variant<...>;, with a struct for each kind of op

#include "tests/engine/wrong_worlds/sound.h"

struct NoOp : Steps {
  struct Config {};
  using Op = Push;
};

resprobe::OpsHarness<NoOp> harness;
