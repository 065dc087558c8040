// error: static assertion failed due to requirement 'kNamesDiffer<Push, Pop>': two ops have the
// same kName: rename one of them

#include "tests/engine/wrong_worlds/sound.h"

struct Pop {
  static constexpr std::string_view kName = "push";
};
struct NamedTwice : Steps {
  struct Config {};
  using Op = std::variant<Push, Pop>;
};

resprobe::OpsHarness<NamedTwice> harness;
