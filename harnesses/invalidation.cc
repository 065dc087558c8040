// Caching clients against CLIENT TRACKING; see worlds/invalidation/invalidation_world.h.

#include "driver/fuzz_main.h"
#include "worlds/invalidation/invalidation_harness.h"

RESPROBE_HARNESS(resprobe::OpsHarness<resprobe::InvalidationWorld>)
