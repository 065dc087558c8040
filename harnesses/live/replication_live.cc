// A primary and its replicas, real servers in a sandbox: the world of the harness replication, with
// real servers in the core's place.

#include "driver/fuzz_main.h"
#include "live/replication/sandboxed_servers.h"
#include "worlds/replication/replication_harness.h"

RESPROBE_HARNESS(resprobe::OpsHarness<resprobe::ReplicationWorld>(
    std::in_place, resprobe::live::SandboxedServers::OfHarness("replication_live")))
