// crash-points: crashes a case of durability at each of its calls to the disk, in every state that
// a crash may leave.

#include "worlds/durability/crash_points.h"

#include <absl/strings/str_format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "cli/crash/crash_runner.h"
#include "cli/crash/planted_faults.h"
#include "cli/output_options.h"
#include "cli/verbs.h"
#include "engine/arena.h"
#include "engine/generate.h"
#include "findings/campaign.h"
#include "findings/process_runner.h"
#include "runner/case_file.h"
#include "runner/json.h"
#include "runner/output.h"
#include "runner/process.h"
#include "runner/project.h"
#include "runner/text.h"
#include "runner/user_error.h"
#include "worlds/durability/durability_harness.h"

namespace resprobe::cli {
namespace {

struct CrashPointsOptions {
  std::string file;
  int64_t seed = -1;  // -1: not given
  int64_t seeds = 1;
  std::string level = "prefix";
  int64_t budget = 1000;
  std::string save;
  std::string plant;
  runner::OutputOptions output;
};

CrashLevel LevelOf(const std::string& name) {
  size_t level = 0;
  while (kCrashLevelNames[level] != name) ++level;
  return static_cast<CrashLevel>(level);
}

// Crashes the cases, and files what fails: as cases of the harness durability.
class CrashSearch : public findings::Search {
 public:
  CrashSearch(const runner::Project& project, const CrashPointsOptions& options)
      : options_(options),
        level_(LevelOf(options.level)),
        points_(FilesWith(options.plant)),
        runner_(RunnerOf(project, options.plant)) {}

  bool Step(const Met& met) override {
    if (cases_ == (options_.file.empty() ? options_.seeds : 1)) return false;
    const int64_t seed = options_.seed + cases_++;
    Arena arena;
    Case<DurabilityWorld> c;
    if (options_.file.empty()) {
      Generate(static_cast<uint64_t>(seed), &arena, &c);
      from_ = "seed " + std::to_string(seed);
    } else {
      runner::ReadCase(options_.file, &arena, &c);
      from_ = options_.file;
    }
    ops_ += c.ops.size();
    RunContext run;
    const bool good = points_.Run(c.config, c.ops,
                                  {.level = level_,
                                   .states_per_point = static_cast<uint64_t>(options_.budget),
                                   .stop = runner::Interrupted},
                                  run);
    if (runner::Interrupted()) return false;
    Add(points_.counts());
    if (!good) {
      c.config.level = level_;
      Tell(c, run.violation(), "without a crash", met);
    }
    if (const std::optional<CrashFailure>& failure = points_.failure()) {
      const Case<DurabilityWorld> crashed = CrashedCase(c, *failure, level_, &arena);
      Tell(crashed, failure->violation, TextOf(*failure), met);
    }
    return true;
  }

  findings::CaseRunner& runner() override { return *runner_; }
  std::string WhyVacuous() const override {
    return options_.plant.empty() ? ""
                                  : "the fault of --plant " + options_.plant + " was not found";
  }

  std::string Line(const std::string& found, const findings::RunClock& clock) const override {
    return runner::Grouped(static_cast<uint64_t>(cases_)) + " cases, " +
           clock.Rate(counts_.run, "recoveries") + ", " + found;
  }
  std::string Summary() const override {
    return absl::StrFormat(
        "%d ops, level %s\n"
        "%d crash points (calls to the disk), %d of them while a process starts; %d of one that "
        "starts over on a new disk are left out; at %d a crash finds what it found before\n"
        "%s%d states that power failures may leave; %d recoveries run\n"
        "recovered: everything %d, a prefix that the policy allows %d; refused %d; excused by the "
        "level %d\n"
        "judged wrong: %d\n%s",
        ops_, options_.level, counts_.points, counts_.starting, counts_.over, counts_.same,
        counts_.states == UINT64_MAX ? "more than " : "at most ", counts_.states, counts_.run,
        counts_.all, counts_.prefix, counts_.refused, counts_.torn, counts_.failed, first_);
  }
  Json Report() const override {
    return {{"verb", "crash-points"},
            {"cases", cases_},
            {"ops", ops_},
            {"level", options_.level},
            {"points", counts_.points},
            {"starting_over", counts_.over},
            {"while_starting", counts_.starting},
            {"different", counts_.points - counts_.over - counts_.same},
            {"states", counts_.states},
            {"run", counts_.run},
            {"recovered_all", counts_.all},
            {"recovered_prefix", counts_.prefix},
            {"refused", counts_.refused},
            {"excused", counts_.torn},
            {"failed", counts_.failed}};
  }

 private:
  static std::unique_ptr<findings::CaseRunner> RunnerOf(const runner::Project& project,
                                                        const std::string& plant) {
    if (!plant.empty()) {
      return std::make_unique<PlantedCaseRunner>(project, PlantedCaseRunner::SpecOf(plant));
    }
    findings::RunSpec spec;
    spec.harness = std::string(DurabilityWorld::kName);
    return std::make_unique<findings::ProcessRunner>(project, spec);
  }

  static std::string TextOf(const CrashFailure& failure) {
    return absl::StrFormat("%s %s call %d%s of op #%d; left: %s",
                           failure.kind == CrashKind::kProcess ? "kill -9" : "power failure",
                           failure.starting ? "before" : "after", failure.after,
                           failure.starting ? " of the start at the end" : "", failure.op,
                           failure.left);
  }

  void Add(const CrashPoints::Counts& more) {
    counts_.points += more.points;
    counts_.over += more.over;
    counts_.starting += more.starting;
    counts_.same += more.same;
    counts_.states =
        more.states > UINT64_MAX - counts_.states ? UINT64_MAX : counts_.states + more.states;
    counts_.run += more.run;
    counts_.all += more.all;
    counts_.prefix += more.prefix;
    counts_.refused += more.refused;
    counts_.torn += more.torn;
    counts_.failed += more.failed;
  }

  void Tell(const Case<DurabilityWorld>& c, const Violation& violation, const std::string& where,
            const Met& met) {
    const std::string text = Print(c);
    if (first_.empty()) {
      first_ =
          absl::StrFormat("\nfirst: %s, %s\n  expected: %s\n  seen:     %s\n\n%s",
                          violation.invariant, where, violation.expected, violation.seen, text);
      if (!options_.save.empty()) runner::WriteFile(options_.save, text);
    }
    findings::MetCase one;
    one.tape = runner::TapeOf(c);
    one.ops = c.ops.size();
    one.from = from_;
    one.seed = options_.seed < 0 ? 0 : static_cast<uint64_t>(options_.seed);
    one.outcome.word = "violation";
    one.outcome.ops = c.ops.size();
    findings::Symptom& what = one.outcome.what;
    what.signature = "violation:" + violation.invariant;
    what.kind = "violation";
    what.invariant = violation.invariant;
    for (const InvariantInfo& info : DurabilityWorld::kInvariants) {
      if (info.name == violation.invariant) what.statement = std::string(info.statement);
    }
    what.op = violation.op;
    what.expected = runner::JsonText(violation.expected);
    what.seen = runner::JsonText(violation.seen);
    one.outcome.text = "  " + where + "\n  expected: " + violation.expected +
                       "\n  seen:     " + violation.seen + "\n";
    met(std::move(one));
  }

  const CrashPointsOptions& options_;
  const CrashLevel level_;
  CrashPoints points_;
  const std::unique_ptr<findings::CaseRunner> runner_;
  int64_t cases_ = 0;
  uint64_t ops_ = 0;
  CrashPoints::Counts counts_;
  std::string from_;
  std::string first_;
};

int RunCrashPoints(const CrashPointsOptions& options) {
  options.output.Check();
  if (options.file.empty() && options.seed < 0) {
    throw runner::UserError("crash-points: name a case, or give --seed N");
  }
  if (!options.file.empty() && options.seed >= 0) {
    throw runner::UserError("crash-points: a case has no seed: remove --seed or the case");
  }
  const runner::Project project = runner::OpenProject();
  // Any bytes are a tape of any harness, so those of another one would be run, and mean nothing.
  const runner::HarnessEntry* const of =
      options.file.empty() ? nullptr : project.HarnessOfPath(options.file);
  if (of != nullptr && of->corpus != DurabilityWorld::kName) {
    throw runner::UserError(options.file + ": a case of " + of->name +
                            ": crash-points takes those of durability");
  }
  if (!options.save.empty()) runner::CheckWritable(options.save);
  CrashSearch search(project, options);
  findings::CampaignOptions campaign;
  campaign.verb = "crash-points";
  campaign.prefix = "crash-points-";
  campaign.out = options.output.text_on_stdout() ? stdout : stderr;
  return findings::Campaign(project, &search, campaign).Run(options.output);
}

}  // namespace

Verb CrashPointsVerb() {
  const auto options = std::make_shared<CrashPointsOptions>();
  Verb verb("crash-points", "crash a case of durability at every call to the disk");
  verb.details =
      "Runs the case once. At each call to the simulated disk it is crashed, by kill -9 and by a "
      "power failure in every state that this may leave, up to the budget; a server starts on what "
      "is left, and what it recovers is judged by its policy. The first failure of each case is "
      "filed as a case of the harness durability, in work/findings. docs/durability.md says what "
      "the levels are.";
  verb.examples = {{"crash-points --seed 1", "a generated case"},
                   {"crash-points --seed 1 --seeds 100 --level reordered", "a hundred of them"},
                   {"crash-points --seed 1 --level weak --budget 100000", "more states"}};
  verb.exit_codes = "0 all is recovered as promised, 1 not so, 2 wrong use.";
  verb.Argument("CASE", &options->file, "A case of durability, as a tape or .ops text")
      .Complete(Completion::kFile);
  verb.Number("--seed", "N", &options->seed, 0, INT64_MAX, "The case that this seed generates");
  verb.Number("--seeds", "N", &options->seeds, 1, INT32_MAX, "This many cases, from --seed on")
      .ShowDefault()
      .Needs("--seed");
  verb.Choice("--level", {"prefix", "reordered", "weak"}, &options->level,
              "What a power failure may leave")
      .ShowDefault();
  verb.Number("--budget", "N", &options->budget, 1, INT64_MAX, "The most states of one crash point")
      .ShowDefault();
  verb.Text("--save", "FILE", &options->save, "Write the first failure to FILE, too, as .ops text")
      .Complete(Completion::kFile);
  verb.Choice("--plant", {kPlantNoFsync}, &options->plant,
              "Break the server on purpose, to see that it is found: it makes no fsync");
  AddReportOptions(&verb, &options->output);
  AddWatchOption(&verb, &options->output);
  verb.run = [=] { return RunCrashPoints(*options); };
  return verb;
}

}  // namespace resprobe::cli
