#ifndef RESPROBE_CLI_COMMAND_LINE_USAGE_LIST_H_
#define RESPROBE_CLI_COMMAND_LINE_USAGE_LIST_H_

#include <string>

#include "cli/command_line/verb.h"

namespace resprobe::cli {

// The command lines that `root` accepts, as lines for scripts/command-line.sh, which refuses wrong
// ones before the program is built (scripts/command-line.txt is this text). Without the verbs of
// the script itself. A line is one of
//   verb PATH                       begins a verb: "fuzz", "corpus check"
//   verbs NAME…                     it has these verbs inside; `verbs? NAME…`: and runs without one
//   option NAME,… COUNT SYNTAX      all spellings; COUNT is flag, once, maybe (the value may be
//                                   left out), list or again (may be repeated); SYNTAX is below
//   argument NAME COUNT SYNTAX      positional; COUNT is once or list
//   required NAME                   it must be given
//   needs NAME OTHER                given together only
//   excludes NAME OTHER             not given together
//   one-of NAME,… ERROR             at least one must be given; else the error
//   moved OPTION PATH               with this option it is another verb
std::string UsageList(const Verb& root);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_COMMAND_LINE_USAGE_LIST_H_
