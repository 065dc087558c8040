#ifndef RESPROBE_CORE_QUERY_OPTIONS_H_
#define RESPROBE_CORE_QUERY_OPTIONS_H_

#include <cstdint>

#include "core/query/stopwords.h"

// The FT.SEARCH query language, as the documentation of Redis Search describes it: "Query syntax",
// "Query dialects", "Query attributes", "Tags", "Vectors", "Geospatial" and "Stop words" of
// redis.io. Dialects 3 and 4 share the parser of dialect 2.
namespace resprobe::query {

enum class Dialect : uint8_t { k1 = 1, k2 = 2 };

// The limits of the server; a query beyond one of them is an error at the place where it is passed.
struct Limits {
  // Most symbols that the parser may hold at once. The server's generated parser has a stack of
  // 256. What a symbol is: an open parenthesis, `-`, `~`, an operand that waits for its neighbour
  // are one each; an alternative with its `|`, a field with its `:` are two; the start is one.
  // No more than kMaxStack counts, so that the parser's own recursion stays small.
  uint32_t max_stack = 256;
  // Longest word of an affix (`word*`, `*word`, `*word*`) and longest wildcard pattern, in
  // characters of UTF-8, counted by their first bytes.
  uint32_t max_pattern = 1024;
  // Shortest word of an affix, in the same characters (MINPREFIX). The value of a `$parameter` is
  // not known here, so it is not measured.
  uint32_t min_affix = 2;

  static constexpr uint32_t kMaxStack = 2048;
  // Longest query. Not a limit of the server, which takes any string; offsets have 32 bits.
  static constexpr uint32_t kMaxQuery = 1u << 30;
};

struct Options {
  Dialect dialect = Dialect::k1;  // the server's default
  Limits limits{};
  // Words that the index leaves out (FT.CREATE ... STOPWORDS); must outlive the call. Never null.
  const Stopwords* stopwords = &Stopwords::Default();
};

}  // namespace resprobe::query

#endif  // RESPROBE_CORE_QUERY_OPTIONS_H_
