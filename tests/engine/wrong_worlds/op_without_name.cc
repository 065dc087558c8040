// error: static assertion failed due to requirement 'kHasName<Pop>': the op lacks a public kName:
// declare static constexpr std::string_view kName = "word";

#include "tests/engine/wrong_worlds/sound.h"

struct Pop {};

resprobe::OpsHarness<WorldOf<Pop>> harness;
