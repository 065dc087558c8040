// Commands of several clients to a live server in a sandbox, in virtual time: the world of the
// harness command_handler, with a real server in the core's place.

#include "driver/fuzz_main.h"
#include "live/server/started_subject.h"
#include "worlds/command/command_harness.h"

namespace {

resprobe::live::StartedSubject& Subject() {
  static auto* const subject = new resprobe::live::StartedSubject("command_sandbox");
  return *subject;
}

}  // namespace

RESPROBE_HARNESS(resprobe::OpsHarness<resprobe::CommandWorld>(std::in_place, &Subject()))
