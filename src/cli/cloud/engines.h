#ifndef RESPROBE_CLI_CLOUD_ENGINES_H_
#define RESPROBE_CLI_CLOUD_ENGINES_H_

#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "cli/cloud/cloud_plan.h"
#include "runner/files.h"

// What runs the units of a campaign: each engine reads DIR/campaign.json, and leaves results in
// DIR/results.
namespace resprobe::cli {

// A try at a unit that a signal ended is repeated this often.
inline constexpr int kUnitTries = 3;

// Runs the units in `machines` processes of this program side by side. Prints a line for each that
// ends. Ctrl-C ends all of them, which keep what they have, and returns. Throws UserError if the
// first units all say that they cannot run here.
void RunOnThisMachine(const CloudPlan& plan, const fs::path& folder, uint64_t machines,
                      std::FILE* out);

// Throws UserError if slurm's commands are not here.
void CheckSlurm();

struct SlurmOptions {
  std::vector<std::string> arguments;  // more words for sbatch
  bool detach = false;                 // leave the jobs to themselves
};

// Submits the units as a job array, of which `machines` run at a time, and their merge as a job
// that depends on it. Waits for both and prints what has ended; Ctrl-C cancels the array, and waits
// for the merge. Throws UserError if slurm
// refuses a job. Returns false if the merge
// was left to the job and has not ended: with `detach`.
bool RunOnSlurm(const CloudPlan& plan, const fs::path& folder, uint64_t machines,
                const SlurmOptions& options, std::FILE* out);

struct KubernetesOptions {
  std::string image = "resprobe";
  std::string name = "resprobe";   // of the jobs
  std::string claim = "resprobe";  // the PersistentVolumeClaim for the results
  std::string cpu = "1";           // of a pod
  std::string memory = "4Gi";
};

// The manifests of the campaign, by file name, as YAML: the plan as a ConfigMap with the Job of the
// units, and the Job of the merge. Throws UserError for what the API would refuse.
std::map<std::string, std::string> KubernetesManifests(const CloudPlan& plan, uint64_t machines,
                                                       const KubernetesOptions& options);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CLOUD_ENGINES_H_
