#ifndef RESPROBE_CLI_CLUSTER_SCENARIO_RUN_H_
#define RESPROBE_CLI_CLUSTER_SCENARIO_RUN_H_

#include <string>
#include <vector>

#include "cli/cluster/scenario.h"
#include "runner/json_fwd.h"

namespace resprobe::cli {

// Runs scenarios on real servers in a sandbox, one after the other. A cluster of each shape is
// formed once.
class ScenarioRunner {
 public:
  // `program`: a server, looked up in PATH, or a command line.
  ScenarioRunner(std::string program, std::vector<std::string> arguments);
  ~ScenarioRunner();
  ScenarioRunner(const ScenarioRunner&) = delete;
  ScenarioRunner& operator=(const ScenarioRunner&) = delete;

  // What came of it: {"result": …, "log": …}. The scenario must have a seed. Throws UserError if
  // the server cannot run.
  Json Run(const Scenario& scenario);

 private:
  class Clusters;

  const std::string program_;
  const std::vector<std::string> arguments_;
  std::vector<std::pair<std::string, std::unique_ptr<Clusters>>> clusters_;  // by program
};

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CLUSTER_SCENARIO_RUN_H_
