// cluster_bus with a parser that adds the sizes of channel and message in 32 bits.

#include "driver/fuzz_main.h"
#include "engine/raw_harness.h"
#include "tests/canaries/cluster_bus_sizes.h"

RESPROBE_HARNESS(resprobe::RawHarness<resprobe::ClusterBus<resprobe::SizesOverflow>>)
