// error: static assertion failed due to requirement 'kHasFieldType<Pop,
// resprobe::internal::Name<5>{"label"}, int>': the field has a type that no tape holds: use bool,
// Index, Count, Number, an enum with EnumNames(), Text or Args

#include "tests/engine/wrong_worlds/sound.h"

struct Pop {
  static constexpr std::string_view kName = "pop";
  resprobe::Count count;
  int label = 0;
};

resprobe::OpsHarness<WorldOf<Pop>> harness;
