// error: static assertion failed due to requirement 'kHasFewFields<Pop>': the struct has too many
// fields: raise kMaxFields and WithFields() (engine/fields.h)

#include "tests/engine/wrong_worlds/sound.h"

struct Pop {
  static constexpr std::string_view kName = "pop";
  bool a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q;
};

resprobe::OpsHarness<WorldOf<Pop>> harness;
