#ifndef RESPROBE_REPORT_DIFF_H_
#define RESPROBE_REPORT_DIFF_H_

#include <string>
#include <vector>

#include "report/report.h"

namespace resprobe::report {

// Something that fails in one of two reports, or in both.
struct Difference {
  enum class Side { kNew, kGone, kSame };
  Side side = Side::kSame;
  std::string where;  // the verb; for a report in a report "full: simulate"
  std::string name;   // of the check
  std::string message;
  std::string command;  // that runs it again, from the later report that has it
};

// A number of the verb's own fields, or of a result, that has changed.
struct Change {
  std::string where;
  std::string name;  // "rps", "latency ms: p99"
  double before = 0;
  double after = 0;
};

struct Diff {
  std::vector<Difference> checks;     // new, then gone, then the same
  std::vector<std::string> untested;  // what failed before, and has no result now
  std::vector<Change> changes;        // of numbers, largest ratio first
};

// What fails is the same if its name is: for a finding, harness and signature. A check that failed
// before is gone only if the later report has the same verb and its run came to its end. Otherwise
// the later run may not have tried it.
Diff Compare(const Report& before, const Report& after);

// A report of the comparison, for all formats: what is new fails it.
Report ReportOf(const Diff& diff, const Report& before, const Report& after);

std::string TextOf(const Diff& diff);

}  // namespace resprobe::report

#endif  // RESPROBE_REPORT_DIFF_H_
