#ifndef RESPROBE_WORLDS_CLUSTER_CLUSTER_HARNESS_H_
#define RESPROBE_WORLDS_CLUSTER_CLUSTER_HARNESS_H_

#include "engine/instantiate.h"
#include "worlds/cluster/cluster_world.h"

namespace resprobe {

using ClusterHarness = OpsHarness<ClusterWorld>;

// Compiled in cluster_harness.cc.
RESPROBE_WORLD_TEMPLATES(extern, ClusterWorld);

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_CLUSTER_CLUSTER_HARNESS_H_
