#include "worlds/replication/replication_harness.h"

namespace resprobe {

RESPROBE_WORLD_TEMPLATES(, ReplicationWorld);

}  // namespace resprobe
