#ifndef RESPROBE_LIVE_SERVER_CRASH_REPORT_H_
#define RESPROBE_LIVE_SERVER_CRASH_REPORT_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace resprobe::live {

// What a server has written about its own end: the "BUG REPORT" of redis and valkey (debug.c,
// printCrashReport), or what AddressSanitizer and UndefinedBehaviorSanitizer have found.
struct CrashReport {
  std::string what;                 // "signal 11", "assertion t_stream.c:88", "asan:heap-use-…"
  std::vector<std::string> frames;  // the server's own, innermost first, at most three
  std::string command;              // that was running, in lower case; empty if it does not say

  // "signal 11: streamTrim|xtrimCommand".
  std::string Text() const;
};

// The first report in a log; nothing if there is none.
std::optional<CrashReport> ReadCrashReport(std::string_view log);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_SERVER_CRASH_REPORT_H_
