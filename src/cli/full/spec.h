#ifndef RESPROBE_CLI_FULL_SPEC_H_
#define RESPROBE_CLI_FULL_SPEC_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/full/parts.h"
#include "cli/server_options.h"

namespace resprobe::cli {

// A test of a spec: one run of a verb. docs/spec.md describes the keys of the file.
struct SpecTest {
  std::string name;  // "chaos: disk_full"
  std::vector<std::string> words;
  bool needs_server = false;  // --start is added; without a server the core on a port
  // "error_returned", …: what must have come of the faults.
  std::vector<std::string> expect;
  // Commands that must have been answered.
  std::vector<std::string> asked;
};

struct Spec {
  std::string file;
  std::vector<SpecTest> tests;
};

// Throws UserError "FILE:LINE: …" for a key that is unknown or cannot be honoured.
Spec ReadSpec(const std::string& file);
// Its tests on this server; none: the core, on a port where a test needs one.
std::vector<Part> PartsOf(const Spec& spec, const ServerOptions& server);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_FULL_SPEC_H_
