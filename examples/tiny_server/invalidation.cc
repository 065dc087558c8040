// The world of the harness invalidation: resprobe's caching clients on the tiny server.

#include "driver/fuzz_main.h"
#include "examples/tiny_server/tiny_subject.h"
#include "worlds/invalidation/invalidation_harness.h"

#ifndef TINY_FAULT
#define TINY_FAULT kNone
#endif

namespace {

TinySubject& Subject() {
  static auto* const subject = new TinySubject(tiny::Fault::TINY_FAULT);
  return *subject;
}

}  // namespace

RESPROBE_HARNESS(resprobe::OpsHarness<resprobe::InvalidationWorld>(
    std::in_place, &Subject(), resprobe::invalidation::Scope::kStrings))
