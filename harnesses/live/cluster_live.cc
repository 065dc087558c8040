// A cluster of real servers in a sandbox: see worlds/cluster/cluster_world.h.

#include "driver/fuzz_main.h"
#include "live/cluster/sandboxed_cluster.h"
#include "worlds/cluster/cluster_harness.h"

RESPROBE_HARNESS(resprobe::OpsHarness<resprobe::ClusterWorld>(
    std::in_place, resprobe::live::SandboxedCluster::OfHarness("cluster_live")))
