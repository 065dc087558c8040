// error: static assertion failed due to requirement 'kNameIsWord<Pop>': the op's kName cannot begin
// a line: use a word of a-z, 0-9, _ and -, other than config and ops

#include "tests/engine/wrong_worlds/sound.h"

struct Pop {
  static constexpr std::string_view kName = "config";
};

resprobe::OpsHarness<WorldOf<Pop>> harness;
