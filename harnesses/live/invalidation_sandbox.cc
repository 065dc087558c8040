// Caching clients on a live server in a sandbox, in virtual time: the world of the harness
// invalidation, with a real server in the core's place.

#include "driver/fuzz_main.h"
#include "live/server/started_subject.h"
#include "worlds/invalidation/invalidation_harness.h"

namespace {

resprobe::live::StartedSubject& Subject() {
  static auto* const subject = new resprobe::live::StartedSubject("invalidation_sandbox");
  return *subject;
}

}  // namespace

RESPROBE_HARNESS(resprobe::OpsHarness<resprobe::InvalidationWorld>(std::in_place, &Subject(),
                                                                   resprobe::cache::Policy()))
