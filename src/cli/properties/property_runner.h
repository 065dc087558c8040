#ifndef RESPROBE_CLI_PROPERTIES_PROPERTY_RUNNER_H_
#define RESPROBE_CLI_PROPERTIES_PROPERTY_RUNNER_H_

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "findings/world_runner.h"
#include "worlds/properties/property_world.h"

namespace resprobe::cli {

// Cases of the world `properties`, on the core in the simulated system, or on the live server of
// the RunSpec. Its option: "plant", the property whose fault the server has.
class PropertyCaseRunner : public findings::WorldRunner<PropertyWorld> {
 public:
  // Opens the server; throws UserError if it is not there.
  PropertyCaseRunner(const runner::Project& project, const findings::RunSpec& spec);
  ~PropertyCaseRunner() override;

  const findings::RunSpec& spec() const override { return spec_; }
  Json Versions() override;
  void Run(const std::vector<fs::path>& files, bool trace, bool twice, const Take& take) override;
  findings::CaseOutcome RunCase(const Case<PropertyWorld>& c) override;
  void ShrinkCase(findings::ShrinkBudget* budget, Arena* arena, Case<PropertyWorld>* c,
                  findings::CaseOutcome* outcome, bool* reproduced) override;
  std::string WhySound() const override;
  std::string Summary(size_t cases, const std::map<std::string, size_t>& outcomes) const override;

  // "the core, in simulation", "redis 7.0.15".
  const std::string& ServerName() const { return name_; }
  const PropertyWorld& world() const { return *world_; }

 private:
  // Throws Interruption on Ctrl-C, UserError if the server cannot be started again.
  findings::CaseOutcome RunOnce(const Case<PropertyWorld>& c, Trace::Mode mode);

  fs::path source_;
  findings::RunSpec spec_;
  std::string name_;
  std::unique_ptr<PropertyServer> server_;
  std::optional<PropertyWorld> world_;
};

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_PROPERTIES_PROPERTY_RUNNER_H_
