// Caching clients connected to a live server's sockets: see live/model/invalidation_live_world.h.

#include "driver/fuzz_main.h"
#include "live/model/invalidation_live_world.h"

RESPROBE_HARNESS(resprobe::OpsHarness<resprobe::live::InvalidationLiveWorld>)
