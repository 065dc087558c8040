#include "cli/output_options.h"

namespace resprobe::cli {

void AddOutputOptions(Verb* verb, runner::OutputOptions* output) {
  verb->Group("Output");
  verb->Choice("--format", {"text", "json"}, &output->format, "How the result is printed")
      .ShowDefault();
  verb->Text("--output", "FILE", &output->file,
             "Write the JSON of --format json to FILE; the text still goes to the terminal")
      .Complete(Completion::kFile);
  verb->Group("");
}

}  // namespace resprobe::cli
