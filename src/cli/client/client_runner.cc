#include "cli/client/client_runner.h"

#include <functional>
#include <utility>

#include "engine/shrink.h"
#include "findings/process_runner.h"
#include "findings/world_outcome.h"
#include "runner/json.h"
#include "runner/process.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

using World = live::ClientLiveWorld;

std::string DriverOf(const findings::RunSpec& spec) {
  const Json driver = spec.options.value("driver", Json());
  if (driver.is_string()) return driver.get<std::string>();
  throw runner::UserError("the report does not say which driver it is of: replay it by `client`");
}

}  // namespace

ClientCaseRunner::ClientCaseRunner(const runner::Project& project, const findings::RunSpec& spec)
    : source_(project.source),
      spec_(spec),
      world_({.driver = DriverOf(spec),
              .stop = [] { return runner::Interrupted(); },
              .exit_on_trouble = false}) {
  Open();
  spec_.server.version = world_.client();
}

void ClientCaseRunner::Open() {
  std::string error;
  if (!world_.Open(&error)) runner::ThrowServerError(error);
}

Json ClientCaseRunner::Versions() {
  Json versions = findings::OwnVersions(source_);
  versions["subject"] = world_.client();
  return versions;
}

findings::CaseOutcome ClientCaseRunner::RunOnce(const Case<World>& c, Trace::Mode mode) {
  Open();
  findings::CaseOutcome outcome = findings::RunInProcess(world_, c, mode);
  if (world_.stopped() && !outcome.failed()) throw runner::Interruption();
  if (!world_.trouble().empty()) throw runner::UserError(world_.trouble());
  return outcome;
}

findings::CaseOutcome ClientCaseRunner::RunCase(const Case<World>& c) {
  findings::CaseOutcome outcome;
  for (int i = 0; i < kAttempts && !outcome.failed(); ++i) outcome = RunOnce(c, Trace::Mode::kOff);
  return outcome;
}

void ClientCaseRunner::Run(const std::vector<fs::path>& files, bool trace, bool twice,
                           const Take& take) {
  const Trace::Mode mode = trace ? Trace::Mode::kText : Trace::Mode::kHash;
  for (const fs::path& file : files) {
    if (runner::Interrupted()) throw runner::Interruption();
    Arena arena;
    Case<World> c;
    runner::ReadCase<World>(file, &arena, &c);
    findings::CaseOutcome outcome;
    for (int i = 0; i < kAttempts && !outcome.failed(); ++i) outcome = RunOnce(c, mode);
    if (twice) {
      outcome.hash2 = RunOnce(c, mode).hash;
      if (outcome.hash2 != outcome.hash) outcome.word = "not deterministic";
    }
    take(file, std::move(outcome));
  }
}

void ClientCaseRunner::ShrinkCase(findings::ShrinkBudget* budget, Arena* arena, Case<World>* c,
                                  findings::CaseOutcome* outcome, bool* reproduced) {
  const std::string signature = outcome->what.signature;
  const std::function<bool(const Case<World>&)> fails = [&](const Case<World>& candidate) {
    return budget->Spend() && RunOnce(candidate, Trace::Mode::kOff).what.signature == signature;
  };
  Shrink<World>(fails, arena, c);
  if (runner::Interrupted()) return;
  *reproduced = false;
  for (int i = 0; i < kAttempts && !*reproduced; ++i) {
    findings::CaseOutcome again = RunOnce(*c, Trace::Mode::kText);
    *reproduced = again.what.signature == signature;
    if (!*reproduced) continue;
    *outcome = std::move(again);
    findings::AddFiles(outcome);
  }
}

std::string ClientCaseRunner::WhySound() const {
  return "in " + std::to_string(kAttempts) + " runs " + world_.client() + " keeps its contract";
}

std::string ClientCaseRunner::Summary(size_t cases,
                                      const std::map<std::string, size_t>& outcomes) const {
  return cases > 1 ? findings::CountOutcomes(cases, outcomes) : "";
}

}  // namespace resprobe::cli
