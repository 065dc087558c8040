#include "cli/crash/crash_subject.h"

#include <cstddef>
#include <variant>

#include "cli/crash/planted_faults.h"
#include "engine/run_context.h"
#include "runner/json.h"

namespace resprobe::cli {

CoreSubject::CoreSubject(const runner::Project& project, const std::string& plant)
    : world_(plant == kPlantNoFsync ? NoFsync::Plant : DurabilityWorld::Wrap(), {},
             plant == kPlantCutRequest),
      runner_(project, {.runner = "process",
                        .harness = std::string(DurabilityWorld::kName),
                        .server = {},
                        .limits = {},
                        .options = Json::object()}) {}

findings::CaseOutcome CoreSubject::RunCase(const Case<DurabilityWorld>& c) {
  RunContext run;
  world_.Start(c.config, run);
  for (size_t i = 0; i < c.ops.size() && !run.violated(); ++i) {
    run.set_op(i);
    std::visit([&](const auto& op) { world_.Apply(op, run); }, c.ops[i]);
  }
  run.set_op(c.ops.size());
  if (!run.violated()) world_.Settle(run);
  findings::CaseOutcome outcome;
  if (run.violated()) outcome = CrashCaseRunner::OutcomeOf(run.violation(), c.ops.size());
  outcome.ops = c.ops.size();
  return outcome;
}

}  // namespace resprobe::cli
