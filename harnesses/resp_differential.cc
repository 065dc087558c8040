#include "worlds/resp/resp_differential.h"

#include "driver/fuzz_main.h"
#include "engine/raw_harness.h"

RESPROBE_HARNESS(resprobe::RawHarness<resprobe::RespDifferential<>>)
