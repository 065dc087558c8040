#ifndef RESPROBE_CLI_FULL_PARTS_H_
#define RESPROBE_CLI_FULL_PARTS_H_

#include <functional>
#include <string>
#include <vector>

#include "report/report.h"

namespace resprobe::cli {

// A verb of this program as a part of a larger run, in a process of its own.
struct Part {
  std::string name;  // "oracle, redis-server"
  std::vector<std::string> words =
      {};  // the command line, to which --format and --output are added
  // Its share of the time, among the shares of all; 0: it takes what it takes. "{time}" in a word
  // is replaced by its seconds, and "{each}" by an equal part of them for each of `each`.
  double share = 0;
  double least = 0;  // seconds of its share, or without one of what is left, that it needs
  double each = 1;
  // Why it is left out; "" if it is not.
  std::string left_out = {};
  // Judges its report further; may be null.
  std::function<void(report::Report*)> judge = {};
};

// Runs the parts in turn, and adds their reports to `whole`; a part that is left out, or has no
// report, is a result of it. What one part leaves of its time is for those after it. `seconds`: 0:
// no limit, and parts have their own. `say` gets a line for each part. Ctrl-C goes to the part that
// runs, whose report is kept; no other one begins.
void RunParts(const std::vector<Part>& parts, double seconds,
              const std::function<void(const std::string&)>& say, report::Report* whole);

// Whether a shell would find the program.
bool IsInPath(const std::string& program);

// The exit code that a report of parts has.
int ExitCodeOf(const report::Report& whole);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_FULL_PARTS_H_
