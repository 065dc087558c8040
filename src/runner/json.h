#ifndef RESPROBE_RUNNER_JSON_H_
#define RESPROBE_RUNNER_JSON_H_

#include <nlohmann/json.hpp>

#include "runner/json_fwd.h"

#endif  // RESPROBE_RUNNER_JSON_H_
