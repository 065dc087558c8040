#ifndef RESPROBE_RUNNER_OUTPUT_H_
#define RESPROBE_RUNNER_OUTPUT_H_

#include <string>

#include "runner/json_fwd.h"
#include "runner/text.h"

namespace resprobe::runner {

// --format text|json and --output FILE.
struct OutputOptions {
  std::string format = "text";
  std::string file;

  // Throws UserError if --output is given without --format json.
  void Check() const;
  bool json() const { return format == "json"; }
  // False if JSON goes to stdout, which must then hold nothing else.
  bool text_on_stdout() const { return !json() || !file.empty(); }
  // Writes to the file, or to stdout.
  void Write(const Json& json) const;
};

}  // namespace resprobe::runner

#endif  // RESPROBE_RUNNER_OUTPUT_H_
