#ifndef RESPROBE_CLI_ORACLE_QUERY_ORACLE_H_
#define RESPROBE_CLI_ORACLE_QUERY_ORACLE_H_

#include "cli/oracle/robustness_session.h"

namespace resprobe::cli {

// The verb oracle with --query. Returns the exit code.
int CompareQueries(const CallVerbOptions& options);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_ORACLE_QUERY_ORACLE_H_
