#ifndef RESPROBE_FINDINGS_WORLD_RUNNER_H_
#define RESPROBE_FINDINGS_WORLD_RUNNER_H_

#include <optional>
#include <string>

#include "engine/arena.h"
#include "engine/codec.h"
#include "engine/ops_text.h"
#include "findings/case_runner.h"
#include "runner/case_file.h"
#include "runner/process.h"
#include "runner/user_error.h"

namespace resprobe::findings {

// A runner whose cases run in this process, against a live server: this class reads and writes a
// World's cases, and a derived class only runs them.
template <class World>
class WorldRunner : public CaseRunner {
 public:
  // Runs one case; the caller sets `ops`. After a failure that ended the server, the server has
  // been restarted.
  virtual CaseOutcome RunCase(const Case<World>& c) = 0;
  // Shrinks a case that has failed with `outcome`; texts are allocated in `arena`. Sets the outcome
  // to that of the smallest case. The budget counts the candidates, and ends it early.
  virtual void ShrinkCase(ShrinkBudget* budget, Arena* arena, Case<World>* c, CaseOutcome* outcome,
                          bool* reproduced) = 0;

  void Run(const std::vector<fs::path>& files, bool /*trace*/, bool twice,
           const Take& take) override {
    for (const fs::path& file : files) {
      if (runner::Interrupted()) throw runner::Interruption();
      Arena arena;
      Case<World> c;
      runner::ReadCase<World>(file, &arena, &c);
      CaseOutcome outcome = RunCase(c);
      if (twice && !runner::Interrupted()) {
        const CaseOutcome again = RunCase(c);
        if (again.what.signature != outcome.what.signature) {
          outcome = again.failed() ? again : outcome;
          outcome.word = "not deterministic";
        }
      }
      outcome.ops = c.ops.size();
      if (runner::Interrupted() && !outcome.failed())
        throw runner::Interruption();  // possibly incomplete
      take(file, std::move(outcome));
    }
  }

  SmallCase Shrink(const fs::path& file, const ShrinkLimits& limits) override {
    Arena arena;
    Case<World> c;
    runner::ReadCase<World>(file, &arena, &c);
    SmallCase small;
    small.ops_before = c.ops.size();
    small.outcome = RunCase(c);
    if (!small.outcome.failed() && runner::Interrupted()) throw runner::Interruption();
    small.failed = small.outcome.failed();
    if (!small.failed) return small;
    small.reproduced = true;
    ShrinkBudget budget(limits);
    ShrinkCase(&budget, &arena, &c, &small.outcome, &small.reproduced);
    small.candidates = budget.candidates();
    small.limit = budget.exhausted();
    small.interrupted = runner::Interrupted();
    small.ops_after = small.outcome.ops = c.ops.size();
    small.tape = runner::TapeOf(c);
    return small;
  }

  std::string TextOf(const fs::path& file) override {
    Arena arena;
    Case<World> c;
    runner::ReadCase<World>(file, &arena, &c);
    return Print(c);
  }

  std::string TapeOf(const fs::path& file) override {
    Arena arena;
    Case<World> c;
    runner::ReadCase<World>(file, &arena, &c);
    return runner::TapeOf(c);
  }
};

}  // namespace resprobe::findings

#endif  // RESPROBE_FINDINGS_WORLD_RUNNER_H_
