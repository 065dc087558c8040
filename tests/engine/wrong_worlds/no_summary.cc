// error: static assertion failed due to requirement 'kHasSummary<NoSummary>': this lacks a public
// kSummary: declare static constexpr std::string_view kSummary = "what it checks, in one line";

#include "tests/engine/wrong_worlds/sound.h"

struct NoSummary {
  static constexpr std::string_view kName = "name";
};

resprobe::OpsHarness<NoSummary> harness;
