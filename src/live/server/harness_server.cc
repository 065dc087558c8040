#include "live/server/harness_server.h"

#include <cstdio>
#include <cstdlib>
#include <optional>

#include "live/server/target.h"

namespace resprobe::live {
namespace {

// libFuzzer clears this section before each run, and reads it afterwards.
[[gnu::section("__libfuzzer_extra_counters"),
  gnu::used]] uint8_t counters[sandbox::Sandbox::kCoverage];
uint8_t ignored[sandbox::Sandbox::kCoverage];

bool IsOff() {
  const char* const value = std::getenv("RESPROBE_SANDBOX_COVERAGE");
  return value != nullptr && std::string_view(value) == "off";
}

}  // namespace

void FollowCoverage(sandbox::Sandbox& sandbox) {
  static const bool off = IsOff();
  sandbox.TakeCoverage(off ? ignored : counters);
}

void EndHarness(std::string_view harness, std::string_view why) {
  std::fprintf(stderr, "resprobe: %.*s: %.*s\n", static_cast<int>(harness.size()), harness.data(),
               static_cast<int>(why.size()), why.data());
  std::fflush(stderr);
  std::_Exit(2);
}

std::vector<std::string> HarnessCommand(std::string_view harness) {
  const char* const start = std::getenv("RESPROBE_ORACLE_START");
  std::string error;
  std::optional<std::vector<std::string>> words =
      WordsOfCommand(start == nullptr || *start == '\0' ? "redis-server" : start, &error);
  if (!words) EndHarness(harness, error);
  return *std::move(words);
}

}  // namespace resprobe::live
