// Any client, through a driver, against an evil peer: see live/client/client_live_world.h.

#include "driver/fuzz_main.h"
#include "live/client/client_live_world.h"

RESPROBE_HARNESS(resprobe::OpsHarness<resprobe::live::ClientLiveWorld>(std::in_place))
