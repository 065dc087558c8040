// Queries on the core's parser and on a live RediSearch: see live/query/query_world.h.

#include "driver/fuzz_main.h"
#include "live/query/query_world.h"

RESPROBE_HARNESS(resprobe::RawHarness<resprobe::live::QueryWorld>)
