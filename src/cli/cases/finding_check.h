#ifndef RESPROBE_CLI_CASES_FINDING_CHECK_H_
#define RESPROBE_CLI_CASES_FINDING_CHECK_H_

#include <memory>
#include <string>

#include "findings/case_runner.h"
#include "findings/finding_store.h"
#include "runner/project.h"

namespace resprobe::cli {

// Whether a finding still fails.
struct CheckedFinding {
  std::string word;  // "failing", "gone", "not met", "unclear", "cannot run"
  std::string note;
};

// Runs findings again. Keeps the runner of the last one, since starting a server takes longer than
// a case.
class FindingChecker {
 public:
  explicit FindingChecker(const runner::Project& project) : project_(project) {}

  // Throws Interruption.
  CheckedFinding Check(const findings::StoredFailure& stored);

 private:
  findings::CaseRunner& Open(const findings::RunSpec& spec);

  const runner::Project& project_;
  findings::RunSpec spec_;
  std::unique_ptr<findings::CaseRunner> runner_;
};

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CASES_FINDING_CHECK_H_
