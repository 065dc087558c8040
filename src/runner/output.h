#ifndef RESPROBE_RUNNER_OUTPUT_H_
#define RESPROBE_RUNNER_OUTPUT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "runner/json_fwd.h"
#include "runner/text.h"

namespace resprobe::runner {

// --format console|json|… and --output FILE.
struct OutputOptions {
  std::string format = "console";
  std::string file;
  // --watch: the port of a page that shows the report while it is made; 0: any free one.
  std::optional<uint16_t> watch_port = {};

  // Throws UserError if --output is given without a format that goes to a file, or if the file
  // cannot be written.
  void Check() const;
  // True if something is written besides the text for people.
  bool report() const { return format != "console"; }
  // False if the report goes to stdout, which must then hold nothing else.
  bool text_on_stdout() const { return !report() || !file.empty(); }
  // Writes to the file, or to stdout.
  void Write(const Json& json) const;
  void WriteText(const std::string& text) const;
};

}  // namespace resprobe::runner

#endif  // RESPROBE_RUNNER_OUTPUT_H_
