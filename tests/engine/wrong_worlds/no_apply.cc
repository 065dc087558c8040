// error: static assertion failed due to requirement 'kHasApply<NoApply, NoApply::Pop>': the world
// lacks a public Apply() for this op: declare void Apply(const ThisOp& op, resprobe::RunContext&
// run);

#include "tests/engine/wrong_worlds/sound.h"

struct NoApply : Sound {
  struct Pop {
    static constexpr std::string_view kName = "pop";
  };
  using Op = std::variant<Push, Pop>;
};

resprobe::OpsHarness<NoApply> harness;
