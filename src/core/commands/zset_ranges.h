#ifndef RESPROBE_CORE_COMMANDS_ZSET_RANGES_H_
#define RESPROBE_CORE_COMMANDS_ZSET_RANGES_H_

#include <cstddef>
#include <string_view>

#include "core/commands/index_range.h"
#include "core/keyspace/zset.h"

// The range arguments of sorted set commands, and the ranks that they select, in ascending order.
namespace resprobe {

// "1.5", "(1.5", "-inf".
struct ScoreRange {
  double min = 0;
  double max = 0;
  bool min_open = false;
  bool max_open = false;
};
bool ParseScoreRange(std::string_view min, std::string_view max, ScoreRange* range);
IndexRange SelectRanks(const ZSet& zset, const ScoreRange& range);

// "[a", "(a", "-", "+".
struct LexBound {
  enum class Kind { kLowest, kText, kHighest };
  Kind kind = Kind::kText;
  std::string_view text;
  bool open = false;
};
struct LexRange {
  LexBound min;
  LexBound max;
};
bool ParseLexRange(std::string_view min, std::string_view max, LexRange* range);

// Lexicographic ranges are defined only if all scores are equal. Otherwise a server's reply depends
// on how it walks the set; this function walks as the server walks its compact encoding, from the
// lowest score, or with `reverse` from the highest: to the first member inside the range, past any
// `offset` members, and then up to the first one outside.
IndexRange SelectRanks(const ZSet& zset, const LexRange& range, bool reverse, size_t offset);

}  // namespace resprobe

#endif  // RESPROBE_CORE_COMMANDS_ZSET_RANGES_H_
