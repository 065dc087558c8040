#include "driver/ablations.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "engine/generate.h"

// The counters of all instrumented code, by the linker.
// NOLINTBEGIN(bugprone-reserved-identifier): these are their names.
extern "C" {
[[gnu::weak, gnu::visibility("hidden")]] extern char __start___sancov_cntrs;
[[gnu::weak, gnu::visibility("hidden")]] extern char __stop___sancov_cntrs;
}
// NOLINTEND(bugprone-reserved-identifier)

namespace resprobe::driver {

void ReadAblations() {
  const char* const value = std::getenv("RESPROBE_WITHOUT");
  std::string_view list = value == nullptr ? "" : value;
  while (!list.empty()) {
    const std::string_view part = list.substr(0, list.find(','));
    list.remove_prefix(part.size() < list.size() ? part.size() + 1 : part.size());
    if (part == "op-mutator") {
      without_op_mutator = true;
    } else if (part == "coverage") {
      without_coverage = true;
    } else if (part == "swarm") {
      swarm_enabled = false;
    } else {
      std::fprintf(
          stderr, "resprobe: RESPROBE_WITHOUT: there is no '%s': use op-mutator, coverage, swarm\n",
          std::string(part).c_str());
      std::_Exit(2);
    }
  }
}

void ForgetCoverage() {
  if (!without_coverage) [[likely]]
    return;
  // libFuzzer refuses to start if neither the empty input nor the one after it reaches anything.
  constexpr int kLeft = 2;
  static int runs = 0;
  if (runs < kLeft) {
    ++runs;
    return;
  }
  char* const begin = &__start___sancov_cntrs;
  if (begin == nullptr) return;
  std::memset(begin, 0, static_cast<size_t>(&__stop___sancov_cntrs - begin));
}

}  // namespace resprobe::driver
