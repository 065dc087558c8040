#ifndef RESPROBE_CLI_FUZZ_FUZZ_JOB_H_
#define RESPROBE_CLI_FUZZ_FUZZ_JOB_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "findings/finding.h"
#include "runner/process.h"
#include "runner/project.h"

namespace resprobe::cli {

struct FuzzOptions {
  std::vector<std::string> harnesses;
  double seconds = 30;  // for each harness
  unsigned jobs = 1;
  std::string engine = "libfuzzer";
  uint64_t seed = 0;  // 0: from the clock
  FindingLimits limits;
  std::string start;  // the server of a live harness
  OutputOptions output;
};

// What is known of the fuzzing of one harness so far.
struct Progress {
  uint64_t executions = 0;
  double per_second = 0;
  uint64_t edges = 0;
  uint64_t corpus = 0;
  std::string stability;  // AFL++ only
  double elapsed = 0;
  std::vector<Finding> findings;
  std::string trouble;  // why the engine could not run, "" if it did
};

// Called a few times a second.
using OnProgress = std::function<void(const Progress&)>;
using OnFinding = std::function<void(const Finding&)>;

// The seeds of the harness as a folder of tapes: its corpus folder itself, unless that holds `.ops`
// text, or seeds in `without` (contents), which crash the harness; then a copy in work/seeds/.
fs::path SeedFolder(const Project& project, const HarnessEntry& harness,
                    const std::vector<std::string>& without);

// Fuzzes one harness until the time is over or Ctrl-C.
Progress FuzzWithLibFuzzer(const Project& project, const HarnessEntry& harness,
                           const FuzzOptions& options, const OnProgress& progress,
                           const OnFinding& finding);
Progress FuzzWithAfl(const Project& project, const HarnessEntry& harness,
                     const FuzzOptions& options, const OnProgress& progress,
                     const OnFinding& finding);

// Files what is new, counts what is not. True if it is new in this run.
bool TakeFinding(const Project& project, const HarnessEntry& harness, const RawFinding& raw,
                 const FindingLimits& limits, Progress* progress);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_FUZZ_FUZZ_JOB_H_
