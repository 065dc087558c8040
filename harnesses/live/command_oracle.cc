// Commands of several clients on the core and on a live server: see live/oracle/oracle_world.h.

#include "driver/fuzz_main.h"
#include "live/oracle/oracle_world.h"

RESPROBE_HARNESS(resprobe::OpsHarness<resprobe::live::OracleWorld>)
