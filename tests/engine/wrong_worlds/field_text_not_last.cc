// error: static assertion failed due to requirement 'kHasFixedSize<Pop,
// resprobe::internal::Name<5>{"value"}, resprobe::Text>': only the last field of an op is a Text or
// Args: move it to the end, or choose another type

#include "tests/engine/wrong_worlds/sound.h"

struct Pop {
  static constexpr std::string_view kName = "pop";
  resprobe::Text value;
  resprobe::Count count;
};

resprobe::OpsHarness<WorldOf<Pop>> harness;
