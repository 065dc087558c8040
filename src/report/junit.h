#ifndef RESPROBE_REPORT_JUNIT_H_
#define RESPROBE_REPORT_JUNIT_H_

#include <string>
#include <utility>
#include <vector>

namespace resprobe::report {

// One test of a JUnit document.
struct JunitTest {
  enum class Result { kPassed, kFailed, kError, kSkipped };
  std::string name = {};
  Result result = Result::kPassed;
  std::string message = {};
  std::string text = {};  // of a failed one, or an error
  std::string kind = {};  // of the failure or error
  double seconds = 0;
};

struct JunitSuite {
  std::string name = {};
  std::string class_name = {};  // of its tests
  std::string started = {};     // UTC, "2026-11-22T13:41:25Z"; "" if it is unknown
  std::string host = {};
  double seconds = 0;
  std::vector<std::pair<std::string, std::string>> properties = {};
  std::vector<JunitTest> tests = {};
};

// As CI systems read it. All texts may be any bytes.
std::string JunitDocument(const std::vector<JunitSuite>& suites);

}  // namespace resprobe::report

#endif  // RESPROBE_REPORT_JUNIT_H_
