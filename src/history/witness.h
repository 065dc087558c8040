#ifndef RESPROBE_HISTORY_WITNESS_H_
#define RESPROBE_HISTORY_WITNESS_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/table/profile.h"
#include "history/history.h"

namespace resprobe::history {

// A request that a server says it has run.
using Executed = std::vector<std::string>;

// Whether the order in which a server says that it ran requests explains a history: each operation
// is in it once, no operation that had ended is after one that had not begun, and the core gives
// all replies that were seen when it runs them in that order. Takes linear time. Returns "" if so;
// otherwise why not, which does not mean that the history has no other order (CheckHistory()).
//
// `executed` has the requests of the history's clients alone. MULTI, EXEC and DISCARD are ignored
// in it: the requests of a transaction are next to each other.
std::string CheckWitness(const History& history, const std::vector<Executed>& executed,
                         Profile profile);

// The request of a line of MONITOR, `1700000000.000001 [0 127.0.0.1:5000] "SET" "k" "v"`; empty if
// it is no such line.
Executed ParseMonitorLine(std::string_view line);

}  // namespace resprobe::history

#endif  // RESPROBE_HISTORY_WITNESS_H_
