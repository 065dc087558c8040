#include "worlds/invalidation/invalidation_harness.h"

namespace resprobe {

RESPROBE_WORLD_TEMPLATES(, InvalidationWorld);

}  // namespace resprobe
