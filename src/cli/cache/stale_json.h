#ifndef RESPROBE_CLI_CACHE_STALE_JSON_H_
#define RESPROBE_CLI_CACHE_STALE_JSON_H_

#include <string>

#include "cachelab/hunt/stale_case.h"
#include "cachelab/hunt/stale_runner.h"
#include "runner/output.h"

namespace resprobe::cli {

// Cases, events and counts of the hunts for stale reads.
Json ToJson(const live::StaleCase& c);
Json ToJson(const live::StaleEvent& event);
Json ToJson(const live::StaleCounts& counts);
Json ToJson(const live::KeyPlan& keys);

// The case of a failure's log, its smallest if there is one, or a case alone. Throws UserError that
// names `file`.
live::StaleCase ReadStaleCase(const std::string& file);

// An event as a line.
std::string ToLine(const live::StaleEvent& event);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CACHE_STALE_JSON_H_
