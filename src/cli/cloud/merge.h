#ifndef RESPROBE_CLI_CLOUD_MERGE_H_
#define RESPROBE_CLI_CLOUD_MERGE_H_

#include <cstdio>
#include <string>
#include <vector>

#include "report/report.h"
#include "runner/files.h"
#include "runner/project.h"

namespace resprobe::cli {

struct MergeOptions {
  // Result folders; folders of such; folders of campaigns, or a campaign.json alone, whose units
  // must all have a result.
  std::vector<std::string> folders;
  fs::path output;     // a result folder, which is replaced at the end
  bool replay = true;  // whether findings that several results have are run again
  std::FILE* out = stdout;
};

// Merges results into one result folder: corpora by coverage, findings by harness, server and
// signature, reports by verb. The same folders give the same output, in whatever order they are
// named. What is damaged or half-written is named, and left out. Returns the report, which is also
// in the output. Throws UserError if nothing can be merged, or the output cannot be written.
report::Report Merge(const runner::Project& project, const MergeOptions& options);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CLOUD_MERGE_H_
