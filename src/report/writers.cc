#include "report/writers.h"

namespace resprobe::report {

const std::vector<std::string>& Formats() {
  static const auto* const formats =
      new std::vector<std::string>{"console", "json", "markdown", "junit", "sarif", "html"};
  return *formats;
}

std::string TextOf(const Report& report, const std::string& format) {
  if (format == "markdown") return MarkdownOf(report);
  if (format == "junit") return JunitOf(report);
  if (format == "sarif") return SarifOf(report);
  if (format == "html") return HtmlOf(report);
  return ToJson(report).dump(2) + "\n";
}

void Write(const Report& report, const runner::OutputOptions& output) {
  if (output.report()) output.WriteText(TextOf(report, output.format));
}

}  // namespace resprobe::report
