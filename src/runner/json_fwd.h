#ifndef RESPROBE_RUNNER_JSON_FWD_H_
#define RESPROBE_RUNNER_JSON_FWD_H_

#include <nlohmann/json_fwd.hpp>

namespace resprobe {

// JSON whose keys keep their insertion order. Include this header in headers that only name the
// type; code that creates or reads a value includes runner/json.h.
using Json = nlohmann::ordered_json;

}  // namespace resprobe

#endif  // RESPROBE_RUNNER_JSON_FWD_H_
