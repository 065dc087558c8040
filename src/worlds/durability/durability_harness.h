#ifndef RESPROBE_WORLDS_DURABILITY_DURABILITY_HARNESS_H_
#define RESPROBE_WORLDS_DURABILITY_DURABILITY_HARNESS_H_

#include "engine/instantiate.h"
#include "worlds/durability/durability_world.h"

namespace resprobe {

using DurabilityHarness = OpsHarness<DurabilityWorld>;

// Compiled in durability_harness.cc.
RESPROBE_WORLD_TEMPLATES(extern, DurabilityWorld);

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_DURABILITY_DURABILITY_HARNESS_H_
