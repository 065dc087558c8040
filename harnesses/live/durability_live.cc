// A live server on a simulated disk: see live/durability/durability_live_world.h.

#include "driver/fuzz_main.h"
#include "live/durability/durability_live_world.h"

RESPROBE_HARNESS(resprobe::OpsHarness<resprobe::live::DurabilityLiveWorld>)
