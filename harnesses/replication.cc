// A primary and its replicas on a simulated network: see worlds/replication/replication_world.h.

#include "driver/fuzz_main.h"
#include "worlds/replication/replication_harness.h"

RESPROBE_HARNESS(resprobe::OpsHarness<resprobe::ReplicationWorld>)
