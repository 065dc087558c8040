// The world of the harness command_handler, with the tiny server instead of the core.

#include "driver/fuzz_main.h"
#include "examples/tiny_server/tiny_subject.h"
#include "worlds/command/command_harness.h"

#ifndef TINY_FAULT
#define TINY_FAULT kNone
#endif

namespace {

TinySubject& Subject() {
  static auto* const subject = new TinySubject(tiny::Fault::TINY_FAULT);
  return *subject;
}

}  // namespace

RESPROBE_HARNESS(resprobe::OpsHarness<resprobe::CommandWorld>(std::in_place, &Subject()))
