#include "cli/crash/crash_subject.h"

#include "engine/run_context.h"
#include "runner/json.h"

namespace resprobe::cli {

CoreSubject::CoreSubject(const runner::Project& project, const std::string& plant)
    : runner_(project, {.runner = "process",
                        .harness = std::string(DurabilityWorld::kName),
                        .server = {},
                        .limits = {},
                        .options = Json::object()}) {
  if (!plant.empty()) planted_.emplace(project, PlantedCaseRunner::SpecOf(plant));
}

findings::CaseRunner& CoreSubject::runner() {
  if (planted_) return *planted_;
  return runner_;
}

findings::CaseOutcome CoreSubject::RunCase(const Case<DurabilityWorld>& c) {
  RunContext run;
  RunOnCore(c, &world(), run);
  findings::CaseOutcome outcome;
  if (run.violated()) outcome = CrashCaseRunner::OutcomeOf(run.violation(), c.ops.size());
  outcome.ops = c.ops.size();
  return outcome;
}

}  // namespace resprobe::cli
