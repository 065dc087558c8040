#include "driver/fuzz_main.h"
#include "engine/raw_harness.h"
#include "worlds/rdb/rdb_loader.h"

RESPROBE_HARNESS(resprobe::RawHarness<resprobe::RdbLoader<>>)
