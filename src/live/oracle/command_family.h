#ifndef RESPROBE_LIVE_ORACLE_COMMAND_FAMILY_H_
#define RESPROBE_LIVE_ORACLE_COMMAND_FAMILY_H_

#include <string>
#include <string_view>

namespace resprobe::live {

// True if two signatures (Difference::Signature()) of one server probably have one cause: the same
// result of commands that a server is likely to implement by one function, such as INCR and DECR;
// of the same command in a case, in EXEC and in the final state; of a command with options, and
// with fewer of them ("set XX", "set"). A value, a null and a number of elements that are not the
// core's count as the same result, and so does other data that the command leaves.
bool ProbablyOneCause(std::string_view one, std::string_view other);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ORACLE_COMMAND_FAMILY_H_
