#ifndef RESPROBE_RUNNER_OUTPUT_H_
#define RESPROBE_RUNNER_OUTPUT_H_

#include <string>

#include "runner/json_fwd.h"
#include "runner/text.h"

namespace resprobe::cli {

// --format text|json and --output FILE.
struct OutputOptions {
  std::string format = "text";
  std::string file;

  // Throws UserError if --output stands without --format json.
  void Check() const;
  bool json() const { return format == "json"; }
  // JSON that goes to stdout leaves no room for text there.
  bool text_on_stdout() const { return !json() || !file.empty(); }
  // Writes to the file, or to stdout.
  void Write(const Json& json) const;
};

}  // namespace resprobe::cli

#endif  // RESPROBE_RUNNER_OUTPUT_H_
