#include "cli/simulate/life_runner.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "cli/oracle/live_runners.h"
#include "findings/process_runner.h"
#include "runner/process.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

// MONITOR costs the server time, and may hide a race: half of the lives are without it.
bool AsksForOrder(uint64_t seed) { return seed % 2 == 0; }

}  // namespace

LifeCaseRunner::LifeCaseRunner(const runner::Project& project, const findings::RunSpec& spec)
    : source_(project.source), spec_(spec) {
  if (const Json plant = spec.options.value("plant", Json()); plant.is_string()) {
    const auto at = std::ranges::find(kLifePlants, plant.get<std::string>());
    if (at == std::end(kLifePlants)) {
      throw runner::UserError("there is no planted fault '" + plant.get<std::string>() +
                              "': the report is of another version of resprobe");
    }
    plant_ = static_cast<LifePlant>(1 + (at - std::begin(kLifePlants)));
  }
  if (simulated()) simulation_ = std::make_unique<SimLives>();
}

void LifeCaseRunner::Open() {
  if (simulated() || lives_ != nullptr) return;
  std::string error;
  lives_ = live::LiveLives::Open(ToLiveOptions(spec_).server.Target(), &error);
  if (lives_ == nullptr) runner::ThrowServerError(error);
  spec_.server.version = lives_->version();
  spec_.server.profile = std::string(ProfileName(lives_->profile()));
}

std::string LifeCaseRunner::ServerName() const {
  return simulated() ? "the core, in simulation" : spec_.server.version;
}

Json LifeCaseRunner::Versions() {
  Json versions = findings::OwnVersions(source_);
  versions["subject"] = ServerName();
  return versions;
}

std::string LifeCaseRunner::WhyNot(history::Part part) const {
  return simulated() ? "" : lives_->WhyNot(part);
}

LifeCaseRunner::Lived LifeCaseRunner::Live(LifeSpec* life) {
  Lived lived;
  Open();
  std::string failure;
  std::vector<history::Executed> order;
  bool ordered = false;
  if (simulated()) {
    life->profile = SimLives::ProfileOf(life->seed);
    SimLives::Result result = simulation_->Run({.seed = life->seed,
                                                .clients = life->clients,
                                                .keys = life->keys,
                                                .operations = life->operations,
                                                .part = life->part,
                                                .plant = plant_});
    lived.history = std::move(result.history);
    lived.counts = result.counts;
    failure = std::move(result.failure);
  } else {
    life->profile = lives_->profile();
    live::LiveLife result;
    std::string error;
    const bool ran = lives_->Run({.seed = life->seed,
                                  .clients = life->clients,
                                  .keys = life->keys,
                                  .operations = life->operations,
                                  .part = life->part,
                                  .monitor = AsksForOrder(life->seed)},
                                 &result, &error);
    if (result.stopped || runner::Interrupted()) throw runner::Interruption();
    if (!ran) runner::ThrowServerError(error);
    lived.history = std::move(result.history);
    lived.counts = result.counts;
    failure = std::move(result.failure);
    order = std::move(result.executed);
    ordered = result.ordered;
  }
  lived.verdict = Judge(lived.history, ordered ? &order : nullptr, life->profile);
  if (runner::Interrupted()) throw runner::Interruption();
  lived.outcome = OutcomeOf(*life, lived.history, lived.verdict, failure);
  return lived;
}

void LifeCaseRunner::Run(const std::vector<fs::path>& files, bool /*trace*/, bool /*twice*/,
                         const Take& take) {
  for (const fs::path& file : files) {
    if (runner::Interrupted()) throw runner::Interruption();
    history::History kept;
    std::optional<LifeSpec> life;
    ReadCaseOf(file, &kept, &life);
    const LifeSpec spec = life.value_or(LifeSpec());
    const LifeVerdict verdict = Judge(kept, nullptr, spec.profile);
    if (runner::Interrupted()) throw runner::Interruption();
    findings::CaseOutcome outcome = OutcomeOf(spec, kept, verdict, "");
    constexpr const char* kWords[] = {"ok", "violation", "unknown"};
    std::string judged =
        "  the kept history: " + std::string(kWords[static_cast<size_t>(verdict.verdict)]) +
        (verdict.why.empty() ? "" : ", " + verdict.why) + "\n";
    if (!life) {
      // A history of somebody else's: it is judged, and there is no life to live again.
      outcome.text = judged + outcome.text;
      if (verdict.verdict == history::Verdict::kUnknown) outcome.word = "unknown";
      outcome.ops = kept.operations.size();
      take(file, std::move(outcome));
      continue;
    }
    try {
      Open();
    } catch (const runner::UserError&) {
      // What was kept is judged all the same.
      outcome.text = judged + outcome.text + "  the life cannot be lived again\n";
      if (verdict.verdict == history::Verdict::kUnknown) outcome.word = "unknown";
      outcome.ops = kept.operations.size();
      take(file, std::move(outcome));
      throw;
    }
    std::string shown = std::move(outcome.text);
    outcome = {};
    int attempt = 0;
    while (attempt < AttemptsOf(spec_) && !outcome.failed()) {
      outcome = Live(&*life).outcome;
      ++attempt;
    }
    judged += shown;
    judged += outcome.failed()
                  ? "  the life, lived again, fails in run " + std::to_string(attempt) + ":\n"
                  : "  the life, lived again, does not fail in " + std::to_string(attempt) +
                        (attempt == 1 ? " run\n" : " runs\n");
    outcome.text = judged + outcome.text;
    outcome.ops = kept.operations.size();
    take(file, std::move(outcome));
  }
}

findings::SmallCase LifeCaseRunner::Shrink(const fs::path& file,
                                           const findings::ShrinkLimits& /*limits*/) {
  findings::SmallCase small;
  history::History kept;
  std::optional<LifeSpec> life;
  ReadCaseOf(file, &kept, &life);
  const LifeSpec spec = life.value_or(LifeSpec());
  small.ops_before = kept.operations.size();
  const LifeVerdict verdict = Judge(kept, nullptr, spec.profile);
  if (runner::Interrupted()) throw runner::Interruption();
  if (verdict.verdict != history::Verdict::kViolation) {
    // It did not come to its end.
    small.outcome = RunOne(file);
    small.outcome.files.clear();  // they are of another life
    small.failed = small.reproduced = small.outcome.failed();
    small.ops_after = small.ops_before;
    small.tape = TextOf(file);
    return small;
  }
  const history::History shorter = Shorten(kept, verdict.search, spec.profile);
  const LifeVerdict again = Judge(shorter, nullptr, spec.profile);
  small.failed = true;
  small.reproduced = again.verdict == history::Verdict::kViolation;
  small.outcome = OutcomeOf(spec, shorter, again, "");
  small.outcome.files.erase("history.txt");  // the whole one stays as it was met
  small.candidates = 1;
  small.ops_after = shorter.operations.size();
  small.tape = CaseOf(life, small.reproduced ? shorter : kept);
  return small;
}

std::string LifeCaseRunner::TextOf(const fs::path& file) {
  history::History kept;
  std::optional<LifeSpec> life;
  ReadCaseOf(file, &kept, &life);
  return CaseOf(life, kept);
}

std::string LifeCaseRunner::WhySound() const { return "does not fail on " + ServerName(); }

std::string LifeCaseRunner::Summary(size_t cases,
                                    const std::map<std::string, size_t>& outcomes) const {
  return cases > 1 ? findings::CountOutcomes(cases, outcomes) : "";
}

}  // namespace resprobe::cli
