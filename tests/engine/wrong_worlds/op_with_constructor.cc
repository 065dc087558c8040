// error: static assertion failed due to requirement 'kIsPlainStruct<Pop>': this is no plain struct:
// give it public fields with constant initializers, and no constructor, base class or virtual
// function

#include "tests/engine/wrong_worlds/sound.h"

struct Pop {
  static constexpr std::string_view kName = "pop";
  explicit Pop(int);
  resprobe::Count count;
};

resprobe::OpsHarness<WorldOf<Pop>> harness;
