// error: static assertion failed due to requirement 'kHasFixedSize<TextInConfig::Config,
// resprobe::internal::Name<4>{"text"}, resprobe::Text>': only the last field of an op is a Text or
// Args: move it to the end, or choose another type

#include "tests/engine/wrong_worlds/sound.h"

struct TextInConfig : Steps {
  struct Config {
    resprobe::Text text;
  };
  using Op = std::variant<Push>;
};

resprobe::OpsHarness<TextInConfig> harness;
