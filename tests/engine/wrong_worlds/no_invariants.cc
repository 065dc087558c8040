// error: static assertion failed due to requirement 'kHasInvariants<NoInvariants>': this lacks
// public kInvariants: declare static constexpr resprobe::InvariantInfo kInvariants[] = {{"name",
// "what must hold"}};

#include "tests/engine/wrong_worlds/sound.h"

struct NoInvariants : Sound {
  static constexpr std::string_view kInvariants[] = {"name"};
};

resprobe::OpsHarness<NoInvariants> harness;
