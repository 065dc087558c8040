#include "worlds/durability/durability_harness.h"

namespace resprobe {

RESPROBE_WORLD_TEMPLATES(, DurabilityWorld);

}  // namespace resprobe
