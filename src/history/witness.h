#ifndef RESPROBE_HISTORY_WITNESS_H_
#define RESPROBE_HISTORY_WITNESS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/table/profile.h"
#include "history/history.h"

namespace resprobe::history {

// A request that a server says it has run.
struct Executed {
  static constexpr uint32_t kAnyClient = UINT32_MAX;

  std::vector<std::string> words;
  // The client of the history that asked for it, if the server names it.
  uint32_t client = kAnyClient;

  bool operator==(const Executed&) const = default;
};

// Whether the order in which a server says that it ran requests explains a history: each operation
// is in it once, no operation that had ended is after one that had not begun, and the core gives
// all replies that were seen when it runs them in that order. Takes linear time. Returns "" if so;
// otherwise why not, which does not mean that the history has no other order (CheckHistory()).
//
// `executed` has the requests of the history's clients alone. MULTI, EXEC and DISCARD are ignored
// in it: the requests of a transaction are next to each other.
std::string CheckWitness(const History& history, const std::vector<Executed>& executed,
                         Profile profile);

// A line of MONITOR: `1700000000.000001 [0 127.0.0.1:5000] "SET" "k" "v"`. Without words if it is
// none.
struct MonitorLine {
  std::vector<std::string> words;
  std::string address;  // "127.0.0.1:5000", "unix:PATH"
};
MonitorLine ParseMonitorLine(std::string_view line);

}  // namespace resprobe::history

#endif  // RESPROBE_HISTORY_WITNESS_H_
