#ifndef RESPROBE_WORLDS_IO_CHAOS_IO_CHAOS_HARNESS_H_
#define RESPROBE_WORLDS_IO_CHAOS_IO_CHAOS_HARNESS_H_

#include "engine/instantiate.h"
#include "worlds/io_chaos/io_chaos_world.h"

namespace resprobe {

using IoChaosHarness = OpsHarness<IoChaosWorld>;

// Compiled in io_chaos_harness.cc.
RESPROBE_WORLD_TEMPLATES(extern, IoChaosWorld);

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_IO_CHAOS_HARNESS_H_
