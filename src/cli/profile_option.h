#ifndef RESPROBE_CLI_PROFILE_OPTION_H_
#define RESPROBE_CLI_PROFILE_OPTION_H_

#include <string>
#include <vector>

#include "cli/command_line/verb.h"

namespace resprobe::cli {

// The names of the profiles of the core, "redis-7.0" and so on.
std::vector<std::string> ProfileNames();

// Adds --profile: what `what` follows; the default is derived from the server.
Option& AddProfile(Verb* verb, std::string* profile, const std::string& what);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_PROFILE_OPTION_H_
