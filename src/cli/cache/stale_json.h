#ifndef RESPROBE_CLI_CACHE_STALE_JSON_H_
#define RESPROBE_CLI_CACHE_STALE_JSON_H_

#include <string>

#include "cachelab/hunt/stale_world.h"
#include "runner/output.h"

namespace resprobe::cli {

// JSON of the events and counts of a search for stale reads.
Json ToJson(const cachelab::StaleEvent& event);
Json ToJson(const cachelab::StaleCounts& counts);

// Reads a case from a file: `.ops` text, or the report or log of a failure (the smallest case in
// it).
// Converts logs from before cases were `.ops` text. Throws UserError that names `file`.
cachelab::StaleCase ReadStaleCase(const std::string& file);

// An event as a line.
std::string ToLine(const cachelab::StaleEvent& event);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CACHE_STALE_JSON_H_
