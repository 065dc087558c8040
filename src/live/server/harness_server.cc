#include "live/server/harness_server.h"

#include <cstdio>
#include <cstdlib>
#include <optional>

#include "live/server/target.h"

namespace resprobe::live {

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
