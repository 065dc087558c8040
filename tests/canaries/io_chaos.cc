// io_chaos with a client that resends its whole buffer after a short write.

#include "driver/fuzz_main.h"
#include "worlds/io_chaos/io_chaos_harness.h"
#include "worlds/io_chaos/plain_client.h"

namespace {

std::vector<resprobe::IoChaosWorld::Subject> Subjects() {
  using resprobe::PlainClient;
  return {{[] { return std::make_unique<PlainClient>(PlainClient::Fault::kSendsTwice); }}};
}

}  // namespace

RESPROBE_HARNESS(resprobe::OpsHarness<resprobe::IoChaosWorld>(std::in_place, Subjects()))
