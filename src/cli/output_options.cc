#include "cli/output_options.h"

#include <string>
#include <vector>

#include "report/writers.h"

namespace resprobe::cli {
namespace {

void AddFormats(Verb* verb, const std::vector<std::string>& formats, runner::OutputOptions* output,
                const std::string& what) {
  verb->Group("Output");
  verb->Choice("--format", formats, &output->format, "How the result is printed").ShowDefault();
  verb->Text("--output", "FILE", &output->file,
             "Write " + what + " to FILE; the text still goes to the terminal")
      .Complete(Completion::kFile);
  verb->Group("");
}

}  // namespace

void AddOutputOptions(Verb* verb, runner::OutputOptions* output) {
  AddFormats(verb, {"console", "json"}, output, "the JSON of --format json");
}

void AddReportOptions(Verb* verb, runner::OutputOptions* output) {
  AddFormats(verb, report::Formats(), output, "the report in another --format than console");
}

void AddWatchOption(Verb* verb, runner::OutputOptions* output) {
  verb->Group("Output");
  verb->Number("--watch", "PORT", &output->watch_port, 0, 65535,
               "Show the report, as it is so far, at http://127.0.0.1:PORT/ while the run goes on; "
               "0 picks a free port");
  verb->Group("");
}

}  // namespace resprobe::cli
