#include "cli/oracle/junit.h"

#include <absl/strings/str_format.h>

#include <algorithm>

namespace resprobe::cli {
namespace {

std::string Escaped(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += byte < 0x20 && c != '\n' && c != '\t' ? '?' : c;
    }
  }
  return escaped;
}

}  // namespace

std::string JunitReport(const std::string& suite, const std::vector<JunitTest>& tests,
                        double seconds) {
  const auto count = [&](JunitTest::Result result) {
    return std::ranges::count(tests, result, &JunitTest::result);
  };
  std::string text = absl::StrFormat(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuites>\n"
      "<testsuite name=\"%s\" tests=\"%d\" failures=\"%d\" errors=\"0\" skipped=\"%d\" "
      "time=\"%.3f\">\n",
      Escaped(suite), tests.size(), count(JunitTest::Result::kFailed),
      count(JunitTest::Result::kSkipped), seconds);
  for (const JunitTest& test : tests) {
    text += "<testcase classname=\"oracle\" name=\"" + Escaped(test.name) + "\"";
    switch (test.result) {
      case JunitTest::Result::kPassed:
        text += "/>\n";
        break;
      case JunitTest::Result::kFailed:
        text += "><failure message=\"" + Escaped(test.message) + "\">" + Escaped(test.text) +
                "</failure></testcase>\n";
        break;
      case JunitTest::Result::kSkipped:
        text += "><skipped message=\"" + Escaped(test.message) + "\"/></testcase>\n";
        break;
    }
  }
  return text + "</testsuite>\n</testsuites>\n";
}

}  // namespace resprobe::cli
