#ifndef RESPROBE_WORLDS_REPLICATION_REPLICATION_HARNESS_H_
#define RESPROBE_WORLDS_REPLICATION_REPLICATION_HARNESS_H_

#include "engine/instantiate.h"
#include "worlds/replication/replication_world.h"

namespace resprobe {

using ReplicationHarness = OpsHarness<ReplicationWorld>;

// Compiled in replication_harness.cc.
RESPROBE_WORLD_TEMPLATES(extern, ReplicationWorld);

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_REPLICATION_REPLICATION_HARNESS_H_
