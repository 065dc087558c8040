#ifndef RESPROBE_LIVE_TCP_IO_SCENARIO_H_
#define RESPROBE_LIVE_TCP_IO_SCENARIO_H_

#include <string>
#include <string_view>
#include <vector>

namespace resprobe::live {

// The expectations that the comments of a case of io_chaos in `.ops` text state:
//
//   # fires rst                          the toxic has had an effect
//   # sees call read 0 = 3               lines of the run's trace, in this order, with
//   # sees call read 0 = ECONNRESET      others between them
//   # never call read 0 = 0              no such line
struct IoScenario {
  std::vector<std::string> fires;
  std::vector<std::string> sees;
  std::vector<std::string> never;
  bool empty() const { return fires.empty() && sees.empty() && never.empty(); }
};

IoScenario ReadIoScenario(std::string_view text);

// The first of its lines that does not hold for this trace; "" if all do.
std::string Unmet(const IoScenario& scenario, std::string_view trace);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_TCP_IO_SCENARIO_H_
