#include "worlds/cluster/cluster_harness.h"

namespace resprobe {

RESPROBE_WORLD_TEMPLATES(, ClusterWorld);

}  // namespace resprobe
