#include "report/junit.h"

#include <absl/strings/str_format.h>

#include <algorithm>
#include <map>

#include "report/escape.h"
#include "report/tables.h"
#include "report/writers.h"

namespace resprobe::report {
namespace {

size_t Count(const std::vector<JunitTest>& tests, JunitTest::Result result) {
  return static_cast<size_t>(std::ranges::count(tests, result, &JunitTest::result));
}

std::string CountsOf(const std::vector<JunitTest>& tests, double seconds) {
  return absl::StrFormat("tests=\"%d\" failures=\"%d\" errors=\"%d\" skipped=\"%d\" time=\"%.3f\"",
                         tests.size(), Count(tests, JunitTest::Result::kFailed),
                         Count(tests, JunitTest::Result::kError),
                         Count(tests, JunitTest::Result::kSkipped), seconds);
}

std::string TestOf(const JunitSuite& suite, const JunitTest& test) {
  std::string text = "    <testcase classname=\"" + XmlText(suite.class_name) + "\" name=\"" +
                     XmlText(test.name) + "\"";
  if (test.seconds > 0) text += absl::StrFormat(" time=\"%.3f\"", test.seconds);
  switch (test.result) {
    case JunitTest::Result::kPassed:
      if (test.message.empty()) break;
      return text + "><system-out>" + XmlText(test.message) + "</system-out></testcase>\n";
    case JunitTest::Result::kSkipped:
      return text + "><skipped message=\"" + XmlText(test.message) + "\"/></testcase>\n";
    case JunitTest::Result::kFailed:
    case JunitTest::Result::kError: {
      const std::string element = test.result == JunitTest::Result::kFailed ? "failure" : "error";
      text += "><" + element + " message=\"" + XmlText(test.message) + "\"";
      if (!test.kind.empty()) text += " type=\"" + XmlText(test.kind) + "\"";
      return text + ">" + XmlText(test.text) + "</" + element + "></testcase>\n";
    }
  }
  return text + "/>\n";
}

void AddSuites(const Report& report, const std::string& prefix, std::vector<JunitSuite>* suites) {
  JunitSuite suite;
  suite.name = prefix + report.verb;
  suite.class_name = "resprobe." + suite.name;
  std::ranges::replace(suite.class_name, ' ', '_');
  suite.started = report.started;
  suite.host = report.host;
  suite.seconds = report.seconds;
  suite.properties = FactsOf(report);
  suite.properties.emplace_back("command", CommandOf(report));
  suite.properties.emplace_back("version", report.version);
  std::map<std::string, int> names;  // readers take tests of one name for one test
  for (const Check& check : ChecksOf(report)) {
    const int times = ++names[check.name];
    JunitTest test = {.name = check.name + (times == 1 ? "" : " (" + std::to_string(times) + ")"),
                      .message = check.message,
                      .text = check.text,
                      .kind = check.kind,
                      .seconds = check.seconds};
    switch (check.status) {
      case Status::kPassed:
        break;
      case Status::kFailed:
        test.result = JunitTest::Result::kFailed;
        break;
      case Status::kSkipped:
        test.result = JunitTest::Result::kSkipped;
        break;
      case Status::kUnknown:
        test.result = JunitTest::Result::kError;
        break;
    }
    suite.tests.push_back(std::move(test));
  }
  if (!suite.tests.empty()) suites->push_back(std::move(suite));
  for (const Report& one : report.reports) AddSuites(one, prefix + report.verb + ".", suites);
}

}  // namespace

std::string JunitDocument(const std::vector<JunitSuite>& suites) {
  std::vector<JunitTest> all;
  double seconds = 0;
  for (const JunitSuite& suite : suites) {
    all.insert(all.end(), suite.tests.begin(), suite.tests.end());
    seconds += suite.seconds;
  }
  std::string text =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites " + CountsOf(all, seconds) + ">\n";
  for (const JunitSuite& suite : suites) {
    text +=
        "  <testsuite name=\"" + XmlText(suite.name) + "\" " + CountsOf(suite.tests, suite.seconds);
    if (!suite.host.empty()) text += " hostname=\"" + XmlText(suite.host) + "\"";
    if (!suite.started.empty()) {
      // The schemas of readers have times without a zone.
      std::string started = suite.started;
      if (started.ends_with('Z')) started.pop_back();
      text += " timestamp=\"" + XmlText(started) + "\"";
    }
    text += ">\n";
    if (!suite.properties.empty()) {
      text += "    <properties>\n";
      for (const auto& [name, value] : suite.properties) {
        text +=
            "      <property name=\"" + XmlText(name) + "\" value=\"" + XmlText(value) + "\"/>\n";
      }
      text += "    </properties>\n";
    }
    for (const JunitTest& test : suite.tests) text += TestOf(suite, test);
    text += "  </testsuite>\n";
  }
  return text + "</testsuites>\n";
}

std::string JunitOf(const Report& report) {
  std::vector<JunitSuite> suites;
  AddSuites(report, "", &suites);
  return JunitDocument(suites);
}

}  // namespace resprobe::report
