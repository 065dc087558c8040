#ifndef RESPROBE_LIVE_ORACLE_COMMAND_FAMILY_H_
#define RESPROBE_LIVE_ORACLE_COMMAND_FAMILY_H_

#include <string>
#include <string_view>

namespace resprobe::live {

// The signature (Difference::Signature()) with a word for the family in place of each command:
// commands that a server is likely to implement by one function, such as INCR and DECR, and the
// same command in a case, in EXEC and in the final state; and with one word for a value, a null and
// a number of elements that are not the core's. Two differences with the same result
// probably have one cause.
std::string WithFamilies(std::string_view signature);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ORACLE_COMMAND_FAMILY_H_
