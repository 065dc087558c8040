#include "cli/properties/property_runner.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "cli/oracle/live_runners.h"
#include "engine/shrink.h"
#include "findings/process_runner.h"
#include "findings/world_outcome.h"
#include "live/properties/live_property_server.h"
#include "runner/json.h"
#include "runner/json_fields.h"
#include "runner/process.h"
#include "runner/user_error.h"
#include "worlds/properties/core_property_server.h"

namespace resprobe::cli {

PropertyCaseRunner::PropertyCaseRunner(const runner::Project& project,
                                       const findings::RunSpec& spec)
    : source_(project.source), spec_(spec) {
  PropertyWorld::Options options;
  if (const std::string plant = runner::TextField(spec.options, "plant"); !plant.empty()) {
    const auto at = std::ranges::find(Properties(), plant, &Property::name);
    if (at == Properties().end()) {
      throw runner::UserError("there is no property '" + plant +
                              "': the report is of another version of resprobe");
    }
    options.plant = &*at;
  }
  if (!spec.server.given()) {
    name_ = "the core, in simulation";
    const bool syncs = options.plant == nullptr || options.plant->plant != nullptr;
    server_ = std::make_unique<CorePropertyServer>(syncs);
  } else {
    std::string error;
    auto server = live::LivePropertyServer::Open(ToLiveOptions(spec).server.Target(), &error);
    if (server == nullptr) runner::ThrowServerError(error);
    name_ = spec_.server.version = server->server().version();
    // Whoever has started a server wants it back as it was.
    options.settings = server->server().own();
    server_ = std::move(server);
  }
  world_.emplace(server_.get(), options);
}

PropertyCaseRunner::~PropertyCaseRunner() = default;

Json PropertyCaseRunner::Versions() {
  Json versions = findings::OwnVersions(source_);
  versions["subject"] = name_;
  return versions;
}

findings::CaseOutcome PropertyCaseRunner::RunOnce(const Case<PropertyWorld>& c, Trace::Mode mode) {
  findings::CaseOutcome outcome = findings::RunInProcess(*world_, c, mode);
  if (runner::Interrupted()) throw runner::Interruption();
  if (!world_->trouble().empty()) runner::ThrowServerError(world_->trouble());
  return outcome;
}

findings::CaseOutcome PropertyCaseRunner::RunCase(const Case<PropertyWorld>& c) {
  return RunOnce(c, Trace::Mode::kOff);
}

void PropertyCaseRunner::Run(const std::vector<fs::path>& files, bool trace, bool twice,
                             const Take& take) {
  const Trace::Mode mode = trace ? Trace::Mode::kText : Trace::Mode::kHash;
  for (const fs::path& file : files) {
    Arena arena;
    Case<PropertyWorld> c;
    runner::ReadCase<PropertyWorld>(file, &arena, &c);
    findings::CaseOutcome outcome = RunOnce(c, mode);
    if (twice) {
      outcome.hash2 = RunOnce(c, mode).hash;
      if (outcome.hash2 != outcome.hash) outcome.word = "not deterministic";
    }
    take(file, std::move(outcome));
  }
}

void PropertyCaseRunner::ShrinkCase(findings::ShrinkBudget* budget, Arena* arena,
                                    Case<PropertyWorld>* c, findings::CaseOutcome* outcome,
                                    bool* reproduced) {
  const std::string signature = outcome->what.signature;
  const std::function<bool(const Case<PropertyWorld>&)> fails =
      [&](const Case<PropertyWorld>& candidate) {
        return budget->Spend() && RunCase(candidate).what.signature == signature;
      };
  Shrink<PropertyWorld>(fails, arena, c);
  if (runner::Interrupted()) return;
  findings::CaseOutcome again = RunOnce(*c, Trace::Mode::kText);
  *reproduced = again.what.signature == signature;
  if (!*reproduced) return;
  *outcome = std::move(again);
  findings::AddFiles(outcome);
}

std::string PropertyCaseRunner::WhySound() const { return "each property holds of " + name_; }

std::string PropertyCaseRunner::Summary(size_t cases,
                                        const std::map<std::string, size_t>& outcomes) const {
  return cases > 1 ? findings::CountOutcomes(cases, outcomes) : "";
}

}  // namespace resprobe::cli
