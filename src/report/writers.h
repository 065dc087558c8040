#ifndef RESPROBE_REPORT_WRITERS_H_
#define RESPROBE_REPORT_WRITERS_H_

#include <string>
#include <vector>

#include "report/report.h"
#include "runner/output.h"

// The formats of a report.
namespace resprobe::report {

std::string MarkdownOf(const Report& report);
// JUnit XML: a suite for the report and for each of its reports, a test case for each check. What
// is unknown is an error there, what is wrong a failure.
std::string JunitOf(const Report& report);
// SARIF 2.1.0: a run for the report and for each of its reports.
std::string SarifOf(const Report& report);
// One file that needs no other.
std::string HtmlOf(const Report& report);

// The values of --format, the first of which is for people at a terminal and writes no report.
const std::vector<std::string>& Formats();
// The report in the format of the options, which is not the first.
std::string TextOf(const Report& report, const std::string& format);
// Writes it to the file of the options, or to stdout. Nothing if no report was asked for.
void Write(const Report& report, const runner::OutputOptions& output);

}  // namespace resprobe::report

#endif  // RESPROBE_REPORT_WRITERS_H_
