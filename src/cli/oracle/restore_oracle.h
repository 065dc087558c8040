#ifndef RESPROBE_CLI_ORACLE_RESTORE_ORACLE_H_
#define RESPROBE_CLI_ORACLE_RESTORE_ORACLE_H_

#include "cli/oracle/robustness_session.h"

namespace resprobe::cli {

// The verb oracle with --restore. Returns the exit code.
int RestorePayloads(const CallVerbOptions& options);
// With --check-tools (check_oracle.cc).
int CheckTools(const CallVerbOptions& options);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_ORACLE_RESTORE_ORACLE_H_
