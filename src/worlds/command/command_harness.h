#ifndef RESPROBE_WORLDS_COMMAND_COMMAND_HARNESS_H_
#define RESPROBE_WORLDS_COMMAND_COMMAND_HARNESS_H_

#include "engine/instantiate.h"
#include "worlds/command/command_world.h"

namespace resprobe {

using CommandHarness = OpsHarness<CommandWorld>;

// Compiled in command_harness.cc.
RESPROBE_WORLD_TEMPLATES(extern, CommandWorld);

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_COMMAND_COMMAND_HARNESS_H_
