#include "worlds/io_chaos/io_chaos_harness.h"

namespace resprobe {

RESPROBE_WORLD_TEMPLATES(, IoChaosWorld);

}  // namespace resprobe
