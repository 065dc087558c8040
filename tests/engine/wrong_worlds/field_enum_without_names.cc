// error: static assertion failed due to requirement 'kHasEnumNames<Pop,
// resprobe::internal::Name<4>{"side"}, Side>': the field is an enum without names: declare
// constexpr std::span<const std::string_view> EnumNames(E) beside the enum E

#include "tests/engine/wrong_worlds/sound.h"

enum class Side : uint8_t { kFront, kBack };
struct Pop {
  static constexpr std::string_view kName = "pop";
  Side side = Side::kFront;
};

resprobe::OpsHarness<WorldOf<Pop>> harness;
