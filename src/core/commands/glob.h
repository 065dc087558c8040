#ifndef RESPROBE_CORE_COMMANDS_GLOB_H_
#define RESPROBE_CORE_COMMANDS_GLOB_H_

#include <string_view>

namespace resprobe {

// Whether `text` matches the glob-style pattern as KEYS, SCAN MATCH and PSUBSCRIBE mean it:
// * ? [abc] [^a-z] and \ to escape (src/util.c stringmatchlen, 7.0.15). Neither recursion nor
// backtracking over more than the last '*', so linear times the pattern's length.
bool GlobMatch(std::string_view pattern, std::string_view text);

}  // namespace resprobe

#endif  // RESPROBE_CORE_COMMANDS_GLOB_H_
