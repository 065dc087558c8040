#include "worlds/cluster_bus/cluster_bus.h"

#include "driver/fuzz_main.h"
#include "engine/raw_harness.h"

RESPROBE_HARNESS(resprobe::RawHarness<resprobe::ClusterBus<>>)
