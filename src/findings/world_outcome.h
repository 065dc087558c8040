#ifndef RESPROBE_FINDINGS_WORLD_OUTCOME_H_
#define RESPROBE_FINDINGS_WORLD_OUTCOME_H_

#include <absl/strings/str_format.h>

#include <string>

#include "engine/op_source.h"
#include "engine/run_context.h"
#include "findings/case_runner.h"
#include "runner/text.h"

namespace resprobe::findings {

// Runs a case of a world in this process. Its trace is in the outcome unless `mode` is kOff.
template <class World>
CaseOutcome RunInProcess(World& world, const Case<World>& c, Trace::Mode mode) {
  RunContext run(mode);
  CaseSource<World> source(c);
  RunSource(world, source, run);
  CaseOutcome outcome;
  outcome.ops = c.ops.size();
  if (mode != Trace::Mode::kOff) outcome.hash = absl::StrFormat("%016x", run.trace().hash());
  outcome.trace = run.trace().text();
  if (!run.violated()) return outcome;
  const Violation& violation = run.violation();
  outcome.word = "violation";
  Symptom& what = outcome.what;
  what.signature = "violation:" + violation.invariant;
  what.kind = "violation";
  what.invariant = violation.invariant;
  for (const InvariantInfo& info : World::kInvariants) {
    if (info.name == violation.invariant) what.statement = std::string(info.statement);
  }
  what.op = violation.op;
  what.expected = runner::JsonText(violation.expected);
  what.seen = runner::JsonText(violation.seen);
  outcome.text = "  expected: " + violation.expected + "\n  seen:     " + violation.seen + "\n";
  return outcome;
}

// Adds the files of a finding that RunInProcess() has shown with its trace.
inline void AddFiles(CaseOutcome* outcome) {
  outcome->files["trace.txt"] = outcome->trace;
  outcome->trace.clear();
  outcome->files["report.txt"] = outcome->text;
  outcome->files["stack.txt"] = "no stack: " + outcome->what.signature + "\n";
}

}  // namespace resprobe::findings

#endif  // RESPROBE_FINDINGS_WORLD_OUTCOME_H_
