// Commands of several clients against the core: see worlds/command/command_world.h.

#include "driver/fuzz_main.h"
#include "worlds/command/command_harness.h"

RESPROBE_HARNESS(resprobe::OpsHarness<resprobe::CommandWorld>)
