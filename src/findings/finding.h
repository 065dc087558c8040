#ifndef RESPROBE_FINDINGS_FINDING_H_
#define RESPROBE_FINDINGS_FINDING_H_

#include <cstdint>
#include <string>

#include "runner/harness_process.h"
#include "runner/json.h"
#include "runner/output.h"
#include "runner/project.h"

namespace resprobe::cli {

// A failing case as it came out of an engine.
struct RawFinding {
  fs::path artifact;
  std::string report;  // what the process wrote to stderr
  Signature signature;
  std::string engine;
  uint64_t seed = 0;
};

struct Finding {
  std::string signature;
  fs::path folder;
  uint64_t repeats = 0;  // times it was met again
  bool known = false;    // its folder was there before this run
  Json report;           // report.json (descriptor.h)
};

struct FindingLimits {
  int timeout_seconds = 25;
  size_t rss_mb = 2048;

  // As one would type those that are not the usual ones: " --rss 100".
  std::string Typed() const;
};

// Writes the folder of a new finding: case (minimized), original, case.ops, trace.txt, stack.txt,
// report.txt, report.json (descriptor.h). Every file is there even if Ctrl-C cuts it short: then
// the case is the original, and report.json says so.
Finding FileFinding(const Project& project, const HarnessEntry& harness, const RawFinding& raw,
                    const FindingLimits& limits);

// The folder of a signature.
fs::path FolderOf(const Project& project, const HarnessEntry& harness, const Signature& signature);

}  // namespace resprobe::cli

#endif  // RESPROBE_FINDINGS_FINDING_H_
