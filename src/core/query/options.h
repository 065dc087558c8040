#ifndef RESPROBE_CORE_QUERY_OPTIONS_H_
#define RESPROBE_CORE_QUERY_OPTIONS_H_

#include <cstdint>

#include "core/query/stopwords.h"

// The FT.SEARCH query language, as the Redis Search documentation describes it: "Query syntax",
// "Query dialects", "Query attributes", "Tags", "Vectors", "Geospatial" and "Stop words" on
// redis.io. Dialects 3 and 4 share the parser of dialect 2.
namespace resprobe::query {

enum class Dialect : uint8_t { k1 = 1, k2 = 2 };

// The limits of the server. Exceeding one is an error at the position where the query exceeds it.
struct Limits {
  // The maximum number of symbols on the parser's stack. The server's generated parser has a stack
  // of 256. An open parenthesis, `-`, `~`, and an operand that waits for its neighbour are one
  // symbol each; an alternative with its `|` and a field with its `:` are two; the start is one. At
  // most kMaxStack applies, so that the parser's own recursion stays small.
  uint32_t max_stack = 256;
  // The longest word of an affix (`word*`, `*word`, `*word*`) and the longest wildcard pattern, in
  // UTF-8 characters, counted by their first bytes.
  uint32_t max_pattern = 1024;
  // The shortest word of an affix, in the same unit (MINPREFIX). The value of a `$parameter` is
  // unknown here, so it is not checked.
  uint32_t min_affix = 2;

  static constexpr uint32_t kMaxStack = 2048;
  // The longest query. Not a limit of the server, which accepts any string; offsets here have 32
  // bits.
  static constexpr uint32_t kMaxQuery = 1u << 30;
};

struct Options {
  Dialect dialect = Dialect::k1;  // the server's default
  Limits limits{};
  // Words that the index ignores (FT.CREATE ... STOPWORDS); must outlive the call. Never null.
  const Stopwords* stopwords = &Stopwords::Default();
};

}  // namespace resprobe::query

#endif  // RESPROBE_CORE_QUERY_OPTIONS_H_
