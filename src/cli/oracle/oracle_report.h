#ifndef RESPROBE_CLI_ORACLE_ORACLE_REPORT_H_
#define RESPROBE_CLI_ORACLE_ORACLE_REPORT_H_

#include "cli/oracle/oracle_search.h"
#include "findings/campaign.h"
#include "report/report.h"

namespace resprobe::cli {

// --write-accept: all differences of the run, and the accepted ones. Throws UserError if the file
// cannot be written, as the next one does.
void WriteAccepted(const OracleVerbOptions& options, const OracleSearch& search,
                   const findings::Campaign& campaign);
// --junit: a test for each command of the profile.
void WriteJunit(const OracleVerbOptions& options, const OracleSearch& search,
                const findings::Campaign& campaign);
// The commands that no finding names, as results of a report, which has the findings already.
void AddCommands(const OracleVerbOptions& options, const OracleSearch& search,
                 const findings::Campaign& campaign, report::Report* report);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_ORACLE_ORACLE_REPORT_H_
