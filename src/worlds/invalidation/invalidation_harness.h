#ifndef RESPROBE_WORLDS_INVALIDATION_INVALIDATION_HARNESS_H_
#define RESPROBE_WORLDS_INVALIDATION_INVALIDATION_HARNESS_H_

#include "engine/instantiate.h"
#include "worlds/invalidation/invalidation_world.h"

namespace resprobe {

using InvalidationHarness = OpsHarness<InvalidationWorld>;

// Compiled in invalidation_harness.cc.
RESPROBE_WORLD_TEMPLATES(extern, InvalidationWorld);

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_INVALIDATION_INVALIDATION_HARNESS_H_
