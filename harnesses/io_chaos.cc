#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "driver/fuzz_main.h"
#include "driver/libc_shim.h"
#include "worlds/io_chaos/hiredis_subjects.h"
#include "worlds/io_chaos/io_chaos_harness.h"

namespace {

std::vector<resprobe::IoChaosWorld::Subject> Subjects() {
  resprobe::driver::UseClientCalls();
  return resprobe::IoSubjects();
}

// The known faults of this hiredis that count as findings too.
resprobe::KnownFaultSet GoTo() {
  const char* const known = std::getenv("RESPROBE_KNOWN_FAULTS");
  std::string error;
  const std::optional<resprobe::KnownFaultSet> set =
      resprobe::ParseKnownFaults(known == nullptr ? "" : known, &error);
  if (set) return *set;
  std::fprintf(stderr, "resprobe: RESPROBE_KNOWN_FAULTS: %s\n", error.c_str());
  std::_Exit(2);
}

}  // namespace

RESPROBE_HARNESS(resprobe::OpsHarness<resprobe::IoChaosWorld>(std::in_place, Subjects(), GoTo()))
