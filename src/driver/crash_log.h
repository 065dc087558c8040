#ifndef RESPROBE_DRIVER_CRASH_LOG_H_
#define RESPROBE_DRIVER_CRASH_LOG_H_

#include <string_view>

#include "engine/run_context.h"

namespace resprobe::driver {

// Names the running case, for the output if it ends the process. The tape must stay valid while it
// runs.
void NoteCase(std::string_view harness, Bytes tape);

// Writes the state of the current run to stderr, if its world keeps a log (sim/chaos_log.h): one
// line of JSON that says how to run it again (harness, tape in hex, compiler, sanitizers, asserts),
// then the log. At most once per case. Called when an invariant is violated, when a sanitizer
// reports, and when an assert fails.
void WriteCrashLog();

}  // namespace resprobe::driver

#endif  // RESPROBE_DRIVER_CRASH_LOG_H_
