#ifndef RESPROBE_LIVE_SERVER_HARNESS_SERVER_H_
#define RESPROBE_LIVE_SERVER_HARNESS_SERVER_H_

#include <string>
#include <string_view>
#include <vector>

#include "sandbox/sandbox.h"

namespace resprobe::live {

// What harnesses of a server in a sandbox share.

// The words of the command in RESPROBE_ORACLE_START, which may contain options, else redis-server.
// Ends the harness if a quote is not closed.
std::vector<std::string> HarnessCommand(std::string_view harness);
// Prints one line and exits with 2: the server cannot run, or nothing can be said of it.
[[noreturn]] void EndHarness(std::string_view harness, std::string_view why);

// Gives an engine what instrumented servers of a sandbox have covered since the last call, as
// additional counters. Nothing if RESPROBE_SANDBOX_COVERAGE is "off".
void FollowCoverage(sandbox::Sandbox& sandbox);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_SERVER_HARNESS_SERVER_H_
