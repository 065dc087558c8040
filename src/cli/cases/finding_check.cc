#include "cli/cases/finding_check.h"

#include <optional>

#include "cli/cases/case_runners.h"
#include "runner/files.h"
#include "runner/user_error.h"

namespace resprobe::cli {

findings::CaseRunner& FindingChecker::Open(const findings::RunSpec& spec) {
  if (runner_ != nullptr && spec_ == spec) return *runner_;
  runner_.reset();  // stop its server before the next one starts
  runner_ = OpenRunner(project_, spec);
  spec_ = spec;
  return *runner_;
}

CheckedFinding FindingChecker::Check(const findings::StoredFailure& stored) {
  if (!stored.missing.empty()) return {"cannot run", stored.missing};
  const findings::Failure& failure = stored.failure;
  try {
    const runner::TempFolder temp;
    findings::CaseRunner& runner = Open(failure.run);
    const findings::CaseOutcome outcome = runner.RunOne(CaseFileOf(stored, temp.path()));
    if (findings::SameFailure(outcome.what.signature, failure.what.signature))
      return {"failing", ""};
    if (outcome.failed()) return {"failing", "otherwise now: " + outcome.what.signature};
    if (failure.replays == std::optional(false)) {
      return {"unclear", "alone, its case never failed"};
    }
    if (const int runs = AttemptsOf(failure.run); runs > 1) {
      return {"not met", "not met in " + std::to_string(runs) +
                             " runs: chance decides whether it shows, so it may still be there"};
    }
    return {"gone", ""};
  } catch (const runner::UserError& error) {
    runner_.reset();
    return {"cannot run", error.what()};
  }
}

}  // namespace resprobe::cli
