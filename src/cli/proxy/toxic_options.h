#ifndef RESPROBE_CLI_PROXY_TOXIC_OPTIONS_H_
#define RESPROBE_CLI_PROXY_TOXIC_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "cli/command_line/verb.h"
#include "live/net/unique_fd.h"
#include "live/proxy/toxic_gate.h"

namespace resprobe::cli {

// "latency latency=100; rst upstream bytes=5 toxicity=0.5 name=cut": toxics as sim/toxic.h prints
// them, with what a gate adds to each. Names are KIND_DIRECTION unless given. Throws UserError.
std::vector<live::GateToxic> ParseToxics(const std::string& option, const std::string& text);

// Whether the toxic can stand beside the others: its name is its own, and so is its kind on its
// stream. If not, `error` says why.
bool StandsBeside(const std::vector<live::GateToxic>& others, const live::GateToxic& toxic,
                  std::string* error);

// What is wrong with the name of a proxy or a toxic, which the API has in its paths; "" if nothing.
std::string WrongInName(const std::string& name);

// What toxics did, for people: "latency 4, rst 1", or "none".
std::string FiredText(const ToxicCounts& fired);

// All toxics that work on real sockets, a line each, for --help.
std::string ToxicsHelp();

// Adds --log FILE.
Option& AddLogOption(Verb* verb, std::string* log);

// Opens a log to append to; "-" is standard output, "" none. Throws UserError.
class LogFile {
 public:
  explicit LogFile(const std::string& name);
  int fd() const { return fd_; }

 private:
  live::UniqueFd own_;
  int fd_ = -1;
};

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_PROXY_TOXIC_OPTIONS_H_
