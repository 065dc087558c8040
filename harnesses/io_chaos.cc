#include <cstdlib>
#include <cstring>
#include <vector>

#include "driver/client_calls.h"
#include "driver/fuzz_main.h"
#include "worlds/hiredis_subjects.h"

namespace {

std::vector<resprobe::IoChaosWorld::Subject> Subjects() {
  resprobe::driver::UseClientCalls();
  return resprobe::IoSubjects();
}

// Whether known faults of this hiredis count as findings too.
bool GoThere() {
  const char* const known = std::getenv("RESPROBE_KNOWN_FAULTS");
  return known != nullptr && std::strcmp(known, "run") == 0;
}

}  // namespace

RESPROBE_HARNESS(resprobe::OpsHarness<resprobe::IoChaosWorld>(std::in_place, Subjects(), GoThere()))
