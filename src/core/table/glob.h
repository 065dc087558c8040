#ifndef RESPROBE_CORE_TABLE_GLOB_H_
#define RESPROBE_CORE_TABLE_GLOB_H_

#include <string_view>

namespace resprobe {

// True if `text` matches the glob-style pattern of KEYS, SCAN MATCH and PSUBSCRIBE: * ? [abc]
// [^a-z] and \ to escape (src/util.c stringmatchlen, 7.0.15). It neither recurses nor backtracks
// past the last '*', so the time is at most the length of the text times that of the pattern.
bool GlobMatch(std::string_view pattern, std::string_view text);

}  // namespace resprobe

#endif  // RESPROBE_CORE_TABLE_GLOB_H_
