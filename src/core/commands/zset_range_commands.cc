#include <algorithm>

#include "core/commands/zset_handlers.h"
#include "core/commands/zset_ranges.h"

// Ranges of sorted sets, following src/t_zset.c of redis 7.0.15: the options are checked first,
// then the range, then the key.
namespace resprobe::zset {
namespace {

enum class By { kAny, kRank, kScore, kLex };  // kAny: by rank unless an option says otherwise
enum class Direction { kAny, kForward, kReverse };

struct RangeOptions {
  By by = By::kAny;
  Direction direction = Direction::kAny;
  bool with_scores = false;
  int64_t offset = 0;
  int64_t limit = -1;
};

bool ParseOptions(CommandContext& c, size_t first, bool store, RangeOptions* options) {
  const size_t argc = c.argc();
  for (size_t i = first; i < argc; ++i) {
    if (!store && c.Is(i, "WITHSCORES")) {
      options->with_scores = true;
    } else if (c.Is(i, "LIMIT") && i + 2 < argc) {
      if (!c.Int(i + 1, &options->offset) || !c.Int(i + 2, &options->limit)) return false;
      i += 2;
    } else if (options->direction == Direction::kAny && c.Is(i, "REV")) {
      options->direction = Direction::kReverse;
    } else if (options->by == By::kAny && c.Is(i, "BYLEX")) {
      options->by = By::kLex;
    } else if (options->by == By::kAny && c.Is(i, "BYSCORE")) {
      options->by = By::kScore;
    } else {
      return c.SyntaxError();
    }
  }
  if (options->by == By::kAny) options->by = By::kRank;
  if (options->limit != -1 && options->by == By::kRank) {
    return c.Error(
        "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
  }
  if (options->by == By::kRank) options->offset = 0;  // a limit of -1 is accepted and has no effect
  if (options->with_scores && options->by == By::kLex) {
    return c.Error("ERR syntax error, WITHSCORES not supported in combination with BYLEX");
  }
  return true;
}

// A parsed range, before it is applied to a sorted set.
struct Bounds {
  By by = By::kRank;
  int64_t start = 0;
  int64_t stop = 0;
  ScoreRange scores;
  LexRange lex;
};

bool ParseBounds(CommandContext& c, By by, size_t min, size_t max, Bounds* bounds) {
  bounds->by = by;
  switch (by) {
    case By::kScore:
      return ParseScoreRange(c.args[min], c.args[max], &bounds->scores) ||
             c.Error(errors::kMinMaxNotFloat);
    case By::kLex:
      return ParseLexRange(c.args[min], c.args[max], &bounds->lex) ||
             c.Error(errors::kMinMaxNotLex);
    case By::kAny:
    case By::kRank:
      break;
  }
  return c.Int(min, &bounds->start) && c.Int(max, &bounds->stop);
}

// Selects ranks in ascending order, even if the reply reverses them. Skips `offset` members from
// the start of the reply.
IndexRange SelectRanks(const ZSet& zset, const Bounds& bounds, bool reverse, size_t offset) {
  IndexRange range;
  switch (bounds.by) {
    case By::kLex:
      return resprobe::SelectRanks(zset, bounds.lex, reverse, offset);
    case By::kScore:
      range = resprobe::SelectRanks(zset, bounds.scores);
      break;
    case By::kAny:
    case By::kRank:
      range = ClampRange(bounds.start, bounds.stop, zset.size());
      if (reverse) range.first = zset.size() - range.first - range.count;
      break;
  }
  if (range.count <= offset) return {};
  return {reverse ? range.first : range.first + offset, range.count - offset};
}

IndexRange SelectRanks(const ZSet& zset, const Bounds& bounds) {
  return SelectRanks(zset, bounds, /*reverse=*/false, /*offset=*/0);
}

// Selects from the k-th member, counted from the end opposite to the start of the reply: what
// zslNthInRange and zslNthInLexRange of valkey 8.0 do with the offset -k.
IndexRange SelectFromOtherEnd(const ZSet& zset, const Bounds& bounds, bool reverse,
                              int64_t offset) {
  const IndexRange range = SelectRanks(zset, bounds);
  if (offset < -static_cast<int64_t>(range.count)) return {};
  const size_t shown = static_cast<size_t>(-offset);
  return {reverse ? range.first : range.first + range.count - shown, shown};
}

// The same with LIMIT. A negative limit means no limit.
IndexRange SelectShown(const CommandContext& c, const ZSet& zset, const Bounds& bounds,
                       const RangeOptions& options) {
  const bool reverse = options.direction == Direction::kReverse;
  IndexRange range;
  if (options.offset >= 0) {
    range = SelectRanks(zset, bounds, reverse, static_cast<size_t>(options.offset));
  } else if (!zset.compact() && TraitsOf(c.profile).negative_offset_turns_round) {
    range = SelectFromOtherEnd(zset, bounds, reverse, options.offset);
  }
  if (options.limit >= 0) {
    const size_t count = std::min(range.count, static_cast<size_t>(options.limit));
    if (reverse) range.first += range.count - count;
    range.count = count;
  }
  return range;
}

// Above this many members the server builds the result of a range by rank in its large encoding,
// which, unlike the compact one, can store -0 (zset-max-listpack-entries).
constexpr size_t kCompactMembers = 128;

// args[source_at] is the source key; the range follows it.
void Range(CommandContext& c, size_t source_at, RangeOptions options) {
  const bool store = source_at == 2;
  if (!ParseOptions(c, source_at + 3, store, &options)) return;
  const bool reverse = options.direction == Direction::kReverse;
  size_t min = source_at + 1;
  size_t max = source_at + 2;
  if (reverse && options.by != By::kRank) std::swap(min, max);
  Bounds bounds;
  if (!ParseBounds(c, options.by, min, max, &bounds)) return;

  ZSet* source;
  if (!Find(c, c.args[source_at], &source)) return;
  IndexRange range;
  if (source != nullptr) range = SelectShown(c, *source, bounds, options);
  const auto rank_of = [&](size_t i) {
    return reverse ? range.first + range.count - 1 - i : range.first + i;
  };
  if (!store) {
    MembersHeader(c, range.count, options.with_scores);
    for (size_t i = 0; i < range.count; ++i) {
      const size_t rank = rank_of(i);
      Member(c, source->member_at(rank), source->score_at(rank), options.with_scores);
    }
    return;
  }
  ZSet& result = c.scratch_zset;
  result.Clear();
  const bool exact = options.by == By::kRank && range.count > kCompactMembers;
  for (size_t i = 0; i < range.count; ++i) {
    const std::string& member = source->member_at(rank_of(i));
    const double score = source->score_at(rank_of(i));
    result.Set(member, exact ? score : result.AsStored(member, score));
  }
  Store(c, c.args[1], result);
}

void Count(CommandContext& c, By by) {
  Bounds bounds;
  if (!ParseBounds(c, by, 2, 3, &bounds)) return;
  ZSet* zset;
  if (!Find(c, c.args[1], &zset)) return;
  if (zset == nullptr) return c.reply.Integer(0);
  c.reply.Integer(static_cast<int64_t>(SelectRanks(*zset, bounds).count));
}

void RemoveRange(CommandContext& c, By by) {
  Bounds bounds;
  if (!ParseBounds(c, by, 2, 3, &bounds)) return;
  ZSet* zset;
  if (!Find(c, c.args[1], &zset)) return;
  if (zset == nullptr) return c.reply.Integer(0);
  const IndexRange range = SelectRanks(*zset, bounds);
  zset->EraseRanks(range.first, range.count);
  c.reply.Integer(static_cast<int64_t>(range.count));
  if (range.count > 0) c.Modified(c.args[1]);
}

RangeOptions Fixed(By by, Direction direction) {
  RangeOptions options;
  options.by = by;
  options.direction = direction;
  return options;
}

}  // namespace

void ZRange(CommandContext& c) { Range(c, 1, {}); }
void ZRangeStore(CommandContext& c) { Range(c, 2, {}); }
void ZRevRange(CommandContext& c) { Range(c, 1, Fixed(By::kRank, Direction::kReverse)); }
void ZRangeByScore(CommandContext& c) { Range(c, 1, Fixed(By::kScore, Direction::kForward)); }
void ZRevRangeByScore(CommandContext& c) { Range(c, 1, Fixed(By::kScore, Direction::kReverse)); }
void ZRangeByLex(CommandContext& c) { Range(c, 1, Fixed(By::kLex, Direction::kForward)); }
void ZRevRangeByLex(CommandContext& c) { Range(c, 1, Fixed(By::kLex, Direction::kReverse)); }

void ZCount(CommandContext& c) { Count(c, By::kScore); }
void ZLexCount(CommandContext& c) { Count(c, By::kLex); }

void ZRemRangeByRank(CommandContext& c) { RemoveRange(c, By::kRank); }
void ZRemRangeByScore(CommandContext& c) { RemoveRange(c, By::kScore); }
void ZRemRangeByLex(CommandContext& c) { RemoveRange(c, By::kLex); }

}  // namespace resprobe::zset
