#ifndef RESPROBE_CLI_CRASH_CRASH_SUBJECT_H_
#define RESPROBE_CLI_CRASH_CRASH_SUBJECT_H_

#include <memory>
#include <optional>
#include <string>

#include "cli/crash/crash_runner.h"
#include "findings/case_runner.h"
#include "findings/process_runner.h"
#include "runner/project.h"
#include "worlds/durability/durability_counts.h"
#include "worlds/durability/durability_world.h"

namespace resprobe::cli {

// What runs the cases of a campaign, one after another: a real server, or the core.
class CrashSubject {
 public:
  virtual ~CrashSubject() = default;
  virtual findings::CaseOutcome RunCase(const Case<DurabilityWorld>& c) = 0;
  // Of the last case.
  virtual const DurabilityCounts& counts() = 0;
  // That of a finding.
  virtual findings::CaseRunner& runner() = 0;
  // Its version, or "the core".
  virtual std::string Name() = 0;
  virtual bool valkey(uint64_t seed) const = 0;
  // The world of a real server; nullptr: it is the core.
  virtual live::LiveDurability* live() { return nullptr; }
};

class LiveSubject : public CrashSubject {
 public:
  LiveSubject(const runner::Project& project, const findings::RunSpec& spec)
      : runner_(project, spec) {}
  findings::CaseOutcome RunCase(const Case<DurabilityWorld>& c) override {
    return runner_.RunCase(c);
  }
  const DurabilityCounts& counts() override { return runner_.world().counts(); }
  findings::CaseRunner& runner() override { return runner_; }
  std::string Name() override {
    const findings::ServerSpec& server = runner_.spec().server;
    return server.version.empty() ? server.start : server.version;
  }
  bool valkey(uint64_t) const override { return runner_.profile() == Profile::kValkey80; }
  live::LiveDurability* live() override { return &runner_.world(); }

 private:
  CrashCaseRunner runner_;
};

// The core, in this process; findings are cases of the harness durability, or, with an injected
// fault, of the core with that fault.
class CoreSubject : public CrashSubject {
 public:
  // `plant`: of planted_faults.h, or "".
  CoreSubject(const runner::Project& project, const std::string& plant);
  findings::CaseOutcome RunCase(const Case<DurabilityWorld>& c) override;
  const DurabilityCounts& counts() override { return world().counts(); }
  findings::CaseRunner& runner() override;
  std::string Name() override { return "the core"; }
  bool valkey(uint64_t seed) const override { return seed % 2 == 1; }

 private:
  DurabilityWorld& world() { return planted_ ? planted_->world() : world_; }

  DurabilityWorld world_;
  findings::ProcessRunner runner_;
  std::optional<PlantedCaseRunner> planted_;
};

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CRASH_CRASH_SUBJECT_H_
