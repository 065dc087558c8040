// invalidation with the faulty clients or server that $RESPROBE_BUG names: one binary for all
// families.

#include <cstdio>
#include <cstdlib>

#include "driver/fuzz_main.h"
#include "tests/canaries/invalidation_bugs.h"
#include "worlds/invalidation/invalidation_harness.h"

namespace resprobe {
namespace {

const InvalidationBug& Bug() {
  const char* name = std::getenv("RESPROBE_BUG");
  for (const InvalidationBug& bug : InvalidationBugs()) {
    if (name != nullptr && bug.name == name) return bug;
  }
  std::fprintf(stderr, "RESPROBE_BUG is to name one of:\n");
  for (const InvalidationBug& bug : InvalidationBugs()) {
    std::fprintf(stderr, "  %-24s %s\n", std::string(bug.name).c_str(),
                 std::string(bug.what).c_str());
  }
  std::exit(2);
}

// nullptr: the core.
ServerSubject* Subject() {
  if (Bug().make_server == nullptr) return nullptr;
  static auto* const subject = Bug().make_server().release();
  return subject;
}

}  // namespace
}  // namespace resprobe

RESPROBE_HARNESS(resprobe::OpsHarness<resprobe::InvalidationWorld>(
    std::in_place, resprobe::Subject(), resprobe::Bug().policy, resprobe::Bug().make))
