#include "driver/fuzz_main.h"
#include "engine/raw_harness.h"
#include "worlds/aof/aof_harness.h"

RESPROBE_HARNESS(resprobe::RawHarness<resprobe::AofHarness<>>)
