// invalidation with the clients that $RESPROBE_BUG names: one binary for all families.

#include <cstdio>
#include <cstdlib>

#include "driver/fuzz_main.h"
#include "tests/canaries/invalidation_bugs.h"

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

}  // namespace
}  // namespace resprobe

RESPROBE_HARNESS(resprobe::OpsHarness<resprobe::InvalidationWorld>(std::in_place, nullptr,
                                                                   resprobe::Bug().policy,
                                                                   resprobe::Bug().make))
