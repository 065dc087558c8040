#include "driver/fuzz_main.h"
#include "examples/ring/ring_world.h"

#ifndef RING_FAULTY
#define RING_FAULTY false
#endif

RESPROBE_HARNESS(resprobe::OpsHarness<RingWorld>(std::in_place, RING_FAULTY))
