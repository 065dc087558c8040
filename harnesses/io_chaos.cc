#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "driver/client_calls.h"
#include "driver/fuzz_main.h"
#include "worlds/caching_io_client.h"
#include "worlds/hiredis_client.h"
#include "worlds/io_chaos_world.h"
#include "worlds/plain_client.h"

namespace {

// In the order of ClientKind.
std::vector<resprobe::IoChaosWorld::Subject> Subjects() {
  using resprobe::kHiredisVersion;
  resprobe::driver::UseClientCalls();
  return {{[] { return std::make_unique<resprobe::HiredisAsync>(); }, kHiredisVersion, true},
          {[] { return std::make_unique<resprobe::HiredisSync>(); }, kHiredisVersion, false},
          {[] { return std::make_unique<resprobe::PlainClient>(); }},
          {[] { return std::make_unique<resprobe::CachingIoClient>(); }}};
}

// Whether known faults of this hiredis count as findings too.
bool GoThere() {
  const char* const known = std::getenv("RESPROBE_KNOWN_FAULTS");
  return known != nullptr && std::strcmp(known, "run") == 0;
}

}  // namespace

RESPROBE_HARNESS(resprobe::OpsHarness<resprobe::IoChaosWorld>(std::in_place, Subjects(), GoThere()))
