#include "cli/crash/crash_runner.h"

#include <absl/strings/str_format.h>

#include <functional>
#include <optional>
#include <utility>
#include <variant>

#include "cli/crash/planted_faults.h"
#include "engine/shrink.h"
#include "findings/process_runner.h"
#include "live/server/target.h"
#include "runner/json.h"
#include "runner/process.h"
#include "runner/text.h"
#include "runner/user_error.h"
#include "worlds/durability/durability_harness.h"

namespace resprobe::cli {
namespace {

std::string PlantOf(const findings::RunSpec& spec) {
  const Json plant = spec.options.value("plant", Json());
  return plant.is_string() ? plant.get<std::string>() : "";
}

}  // namespace

findings::CaseOutcome DurabilityCaseRunner::OutcomeOf(const Violation& violation, size_t ops) {
  findings::CaseOutcome outcome;
  outcome.word = "violation";
  outcome.ops = ops;
  findings::Symptom& what = outcome.what;
  what.signature = "violation:" + violation.invariant;
  what.kind = "violation";
  what.invariant = violation.invariant;
  for (const InvariantInfo& info : DurabilityWorld::kInvariants) {
    if (info.name == violation.invariant) what.statement = std::string(info.statement);
  }
  what.op = violation.op;
  what.expected = runner::JsonText(violation.expected);
  what.seen = runner::JsonText(violation.seen);
  outcome.text = "  expected: " + violation.expected + "\n  seen:     " + violation.seen + "\n";
  return outcome;
}

findings::CaseOutcome DurabilityCaseRunner::RunWith(const Case<DurabilityWorld>& c,
                                                    Trace::Mode mode) {
  RunContext run(mode);
  RunIn(c, run);
  findings::CaseOutcome outcome;
  if (run.violated()) outcome = OutcomeOf(run.violation(), c.ops.size());
  outcome.ops = c.ops.size();
  if (mode != Trace::Mode::kOff) outcome.hash = absl::StrFormat("%016x", run.trace().hash());
  outcome.trace = run.trace().text();
  return outcome;
}

findings::CaseOutcome DurabilityCaseRunner::RunCase(const Case<DurabilityWorld>& c) {
  return RunWith(c, Trace::Mode::kOff);
}

void DurabilityCaseRunner::Run(const std::vector<fs::path>& files, bool trace, bool twice,
                               const Take& take) {
  for (const fs::path& file : files) {
    if (runner::Interrupted()) throw runner::Interruption();
    Arena arena;
    Case<DurabilityWorld> c;
    runner::ReadCase<DurabilityWorld>(file, &arena, &c);
    const Trace::Mode mode = trace ? Trace::Mode::kText : Trace::Mode::kHash;
    findings::CaseOutcome outcome = RunWith(c, mode);
    if (twice) {
      const findings::CaseOutcome again = RunWith(c, mode);
      outcome.hash2 = again.hash;
      if (again.hash != outcome.hash) outcome.word = "not deterministic";
    }
    take(file, std::move(outcome));
  }
}

void DurabilityCaseRunner::ShrinkCase(findings::ShrinkBudget* budget, Arena* arena,
                                      Case<DurabilityWorld>* c, findings::CaseOutcome* outcome,
                                      bool* reproduced) {
  const std::string signature = outcome->what.signature;
  const StartPolicy policy = c->config.policy;
  const CrashLevel level = c->config.level;
  const bool valkey = c->config.valkey;
  const std::function<bool(const Case<DurabilityWorld>&)> fails =
      [&](const Case<DurabilityWorld>& candidate) {
        // What the user has chosen stays.
        const bool same = candidate.config.policy == policy && candidate.config.level == level &&
                          candidate.config.valkey == valkey;
        return same && budget->Spend() && RunCase(candidate).what.signature == signature;
      };
  Shrink<DurabilityWorld>(fails, arena, c);
  if (runner::Interrupted()) return;
  findings::CaseOutcome again = RunWith(*c, Trace::Mode::kText);
  *reproduced = again.what.signature == signature;
  if (!*reproduced) return;
  *outcome = std::move(again);
  outcome->files["trace.txt"] = std::exchange(outcome->trace, {});
  outcome->files["report.txt"] = outcome->text;
  outcome->files["stack.txt"] = "no stack: " + signature + "\n";
}

std::string DurabilityCaseRunner::Summary(size_t cases,
                                          const std::map<std::string, size_t>& outcomes) const {
  return cases > 1 ? findings::CountOutcomes(cases, outcomes) : "";
}

CrashCaseRunner::CrashCaseRunner(const runner::Project& project, const findings::RunSpec& spec)
    : DurabilityCaseRunner(spec), source_(project.source) {
  if (spec_.server.start.empty()) {
    throw runner::UserError(
        "a crash needs a server that is started here, in a sandbox: name it with --start");
  }
  std::string error;
  std::optional<std::vector<std::string>> words = live::WordsOfCommand(spec_.server.start, &error);
  if (!words) throw runner::UserError("--start " + spec_.server.start + ": " + error);
  live::DurableServerOptions options;
  options.program = words->front();
  options.arguments.assign(words->begin() + 1, words->end());
  options.arguments.insert(options.arguments.end(), spec_.server.arguments.begin(),
                           spec_.server.arguments.end());
  // "Redis server v=7.0.15 sha=…", "Valkey server v=8.0.1 …". It throws if there is no program.
  const runner::RunResult version = runner::RunToEnd(
      {.argv = {options.program, "--version"}, .environment = {}}, {.timeout_seconds = 10});
  const size_t at = version.out.find(" v=");
  const bool valkey = version.out.starts_with("Valkey");
  profile_ = valkey ? Profile::kValkey80 : Profile::kRedis70;
  spec_.server.sandbox = true;
  if (at != version.out.npos) {
    spec_.server.version = (valkey ? "valkey " : "redis ") +
                           version.out.substr(at + 3, version.out.find(' ', at + 3) - at - 3);
  }
  options.ignores_fsync = PlantOf(spec_) == kPlantNoFsync;
  options.runs_cut_requests = PlantOf(spec_) == kPlantCutRequest;
  options.cpu = sandbox::PinToThisProcessor();
  prepared_ = std::make_unique<live::PreparedServers>(options);
  world_ = std::make_unique<live::LiveDurability>(prepared_.get(), profile_);
}

Json CrashCaseRunner::Versions() {
  Json versions = findings::OwnVersions(source_);
  versions["subject"] = spec_.server.version;
  return versions;
}

void CrashCaseRunner::RunIn(const Case<DurabilityWorld>& c, RunContext& run) {
  world_->Run(c.config, c.ops, run);
  if (!world_->unsupported().empty()) {
    throw runner::UserError(spec_.server.start + ": " + world_->unsupported());
  }
}

std::string CrashCaseRunner::WhySound() const {
  return "holds on " + (spec_.server.version.empty() ? spec_.server.start : spec_.server.version);
}

PlantedCaseRunner::PlantedCaseRunner(const runner::Project& project, const findings::RunSpec& spec)
    : DurabilityCaseRunner(spec),
      source_(project.source),
      world_(FilesWith(PlantOf(spec)), {}, PlantOf(spec) == kPlantCutRequest) {
  if (PlantOf(spec) != kPlantNoFsync && PlantOf(spec) != kPlantCutRequest) {
    throw runner::UserError("there is no injected fault '" + PlantOf(spec) +
                            "': the report is of another version of resprobe");
  }
}

findings::RunSpec PlantedCaseRunner::SpecOf(const std::string& plant) {
  return {.runner = "planted",
          .harness = std::string(DurabilityWorld::kName),
          .server = {},
          .limits = {},
          .options = {{"plant", plant}}};
}

Json PlantedCaseRunner::Versions() {
  Json versions = findings::OwnVersions(source_);
  versions["subject"] = "the core with " + PlantOf(spec_);
  return versions;
}

void PlantedCaseRunner::RunIn(const Case<DurabilityWorld>& c, RunContext& run) {
  RunOnCore(c, &world_, run);
}

void RunOnCore(const Case<DurabilityWorld>& c, DurabilityWorld* world, RunContext& run) {
  world->Start(c.config, run);
  for (size_t i = 0; i < c.ops.size() && !run.violated(); ++i) {
    run.set_op(i);
    std::visit([&](const auto& op) { world->Apply(op, run); }, c.ops[i]);
  }
  run.set_op(c.ops.size());
  if (!run.violated()) world->Settle(run);
}

}  // namespace resprobe::cli
