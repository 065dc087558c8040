#ifndef RESPROBE_CLI_ORACLE_JUNIT_H_
#define RESPROBE_CLI_ORACLE_JUNIT_H_

#include <string>
#include <vector>

namespace resprobe::cli {

// One test of a JUnit report.
struct JunitTest {
  enum class Result { kPassed, kFailed, kSkipped };
  std::string name = {};
  Result result = Result::kPassed;
  std::string message = {};  // of a failed or skipped one
  std::string text = {};     // of a failed one
};

// A report with one suite, as CI systems read it. Bytes that XML cannot hold become "?".
std::string JunitReport(const std::string& suite, const std::vector<JunitTest>& tests,
                        double seconds);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_ORACLE_JUNIT_H_
