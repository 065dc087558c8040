#ifndef RESPROBE_CLI_PROXY_TOXIC_OPTIONS_H_
#define RESPROBE_CLI_PROXY_TOXIC_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "cli/command_line/verb.h"
#include "live/net/unique_fd.h"
#include "live/proxy/toxic_gate.h"

namespace resprobe::cli {

// Parses "latency latency=100; rst upstream bytes=5 toxicity=0.5 name=cut": toxics as sim/toxic.h
// prints them, with a gate's additions. The default name is KIND_DIRECTION. Throws UserError.
std::vector<live::GateToxic> ParseToxics(const std::string& option, const std::string& text);

// True if the toxic does not conflict with the others: no other has its name, or its kind on its
// stream. If false, `error` says why.
bool StandsBeside(const std::vector<live::GateToxic>& others, const live::GateToxic& toxic,
                  std::string* error);

// The error in the name of a proxy or a toxic, which is part of paths in the API; "" if there is
// none.
std::string WrongInName(const std::string& name);

// Counts of fired toxics as text: "latency 4, rst 1", or "none".
std::string FiredText(const ToxicCounts& fired);

// All toxics that work on real sockets, one per line, for --help.
std::string ToxicsHelp();

// Adds --log FILE.
Option& AddLogOption(Verb* verb, std::string* log);

// Opens a log for appending; "-" is standard output, "" none. Throws UserError.
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
