// invalidation with clients that cache the reply of a read that an invalidation has overtaken: the
// best known bug of client-side caches.

#include "driver/fuzz_main.h"
#include "worlds/invalidation/invalidation_harness.h"

RESPROBE_HARNESS(resprobe::OpsHarness<resprobe::InvalidationWorld>(
    std::in_place, nullptr, resprobe::cache::Policy{.poison_pending = false}))
