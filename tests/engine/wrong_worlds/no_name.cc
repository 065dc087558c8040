// error: static assertion failed due to requirement 'kHasName<NoName>': this lacks a public kName:
// declare static constexpr std::string_view kName = "name_of_the_harness";

#include "tests/engine/wrong_worlds/sound.h"

class NoName : public Sound {
  static constexpr std::string_view kName = "private";
};

resprobe::OpsHarness<NoName> harness;
