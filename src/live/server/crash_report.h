#ifndef RESPROBE_LIVE_SERVER_CRASH_REPORT_H_
#define RESPROBE_LIVE_SERVER_CRASH_REPORT_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace resprobe::live {

// A server's report of its own crash: the "BUG REPORT" of redis and valkey (debug.c,
// printCrashReport), or the report of AddressSanitizer or UndefinedBehaviorSanitizer.
struct CrashReport {
  std::string what;                 // "signal 11", "assertion t_stream.c:88", "asan:heap-use-…"
  std::vector<std::string> frames;  // functions of the server, innermost first, at most three
  std::string command;              // the running command, in lower case; empty if unknown

  // "signal 11: streamTrim|xtrimCommand".
  std::string Text() const;
};

// The first report in a log; nullopt if there is none.
std::optional<CrashReport> ReadCrashReport(std::string_view log);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_SERVER_CRASH_REPORT_H_
