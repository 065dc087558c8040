// The cases of io_chaos in memory and over real TCP: see live/tcp/io_live_world.h.

#include "driver/fuzz_main.h"
#include "driver/libc_shim.h"
#include "live/tcp/io_live_world.h"
#include "worlds/io_chaos/hiredis_subjects.h"

namespace {

resprobe::live::IoLiveWorld::Options Options() {
  resprobe::driver::UseClientCalls();
  return resprobe::live::IoLiveWorld::FromEnvironment();
}

}  // namespace

RESPROBE_HARNESS(resprobe::OpsHarness<resprobe::live::IoLiveWorld>(std::in_place,
                                                                   resprobe::IoSubjects(),
                                                                   Options()))
