// A server on a simulated disk, through several lives: see worlds/durability/durability_world.h.

#include "driver/fuzz_main.h"
#include "worlds/durability/durability_harness.h"

RESPROBE_HARNESS(resprobe::OpsHarness<resprobe::DurabilityWorld>)
