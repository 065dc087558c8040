#include "worlds/command/command_harness.h"

namespace resprobe {

RESPROBE_WORLD_TEMPLATES(, CommandWorld);

}  // namespace resprobe
