#ifndef RESPROBE_CLI_CASES_DIAGRAM_H_
#define RESPROBE_CLI_CASES_DIAGRAM_H_

#include <string>
#include <string_view>

namespace resprobe::cli {

// Draws a sequence diagram (SVG) of a run from its trace as the world `invalidation` writes it: who
// sends what, when it arrives or that it never does, what the caches hold, and in red what violated
// the invariant. Empty if the trace contains no messages.
std::string SequenceDiagram(std::string_view title, std::string_view trace);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CASES_DIAGRAM_H_
