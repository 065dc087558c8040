#ifndef RESPROBE_RUNNER_JSON_FWD_H_
#define RESPROBE_RUNNER_JSON_FWD_H_

#include <nlohmann/json_fwd.hpp>

namespace resprobe::cli {

// JSON whose keys keep the order in which they were set. This header is for headers that only name
// the type; who makes or reads a value includes runner/json.h.
using Json = nlohmann::ordered_json;

}  // namespace resprobe::cli

#endif  // RESPROBE_RUNNER_JSON_FWD_H_
