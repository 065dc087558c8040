#include "core/commands/zset_ranges.h"

#include "core/table/numbers.h"

namespace resprobe {
namespace {

bool ParseScore(std::string_view text, double* score, bool* open) {
  *open = !text.empty() && text[0] == '(';
  if (*open) text.remove_prefix(1);
  return ParseScoreBound(text, score);
}

bool ParseLex(std::string_view text, LexBound* bound) {
  if (text.empty()) return false;
  switch (text[0]) {
    case '-':
    case '+':
      bound->kind = text[0] == '-' ? LexBound::Kind::kLowest : LexBound::Kind::kHighest;
      bound->open = true;
      return text.size() == 1 || text[1] == '\0';  // the server treats it as a C string
    case '(':
    case '[':
      bound->kind = LexBound::Kind::kText;
      bound->open = text[0] == '(';
      bound->text = text.substr(1);
      return true;
    default:
      return false;
  }
}

// < 0 below the bound, 0 at it, > 0 above it.
int Compare(std::string_view member, const LexBound& bound) {
  switch (bound.kind) {
    case LexBound::Kind::kLowest:
      return 1;
    case LexBound::Kind::kHighest:
      return -1;
    case LexBound::Kind::kText:
      break;
  }
  return member.compare(bound.text);
}

bool AboveMin(std::string_view member, const LexRange& range) {
  const int order = Compare(member, range.min);
  return range.min.open ? order > 0 : order >= 0;
}

bool BelowMax(std::string_view member, const LexRange& range) {
  const int order = Compare(member, range.max);
  return range.max.open ? order < 0 : order <= 0;
}

// True if no text can be in the range.
bool NeverMatches(const LexRange& range) {
  using Kind = LexBound::Kind;
  if (range.min.kind == Kind::kText && range.max.kind == Kind::kText) {
    const int order = range.min.text.compare(range.max.text);
    return order > 0 || (order == 0 && (range.min.open || range.max.open));
  }
  return range.min.kind == Kind::kHighest || range.max.kind == Kind::kLowest;
}

}  // namespace

bool ParseScoreRange(std::string_view min, std::string_view max, ScoreRange* range) {
  return ParseScore(min, &range->min, &range->min_open) &&
         ParseScore(max, &range->max, &range->max_open);
}

IndexRange SelectRanks(const ZSet& zset, const ScoreRange& range) {
  const size_t first = zset.CountBelow(range.min, range.min_open);
  const size_t end = zset.CountBelow(range.max, !range.max_open);
  return end > first ? IndexRange{first, end - first} : IndexRange{};
}

bool ParseLexRange(std::string_view min, std::string_view max, LexRange* range) {
  return ParseLex(min, &range->min) && ParseLex(max, &range->max);
}

IndexRange SelectRanks(const ZSet& zset, const LexRange& range, bool reverse, size_t offset) {
  const size_t size = zset.size();
  if (NeverMatches(range)) return {};
  if (zset.score_at(0) == zset.score_at(size - 1)) {
    using Kind = LexBound::Kind;
    const size_t first =
        range.min.kind == Kind::kText ? zset.CountLexBelow(range.min.text, range.min.open) : 0;
    const size_t end =
        range.max.kind == Kind::kText ? zset.CountLexBelow(range.max.text, !range.max.open) : size;
    if (end <= first || end - first <= offset) return {};
    return {reverse ? first : first + offset, end - first - offset};
  }
  if (!AboveMin(zset.member_at(size - 1), range) || !BelowMax(zset.member_at(0), range)) return {};
  if (!reverse) {
    size_t first = 0;
    while (!AboveMin(zset.member_at(first), range)) ++first;
    if (!BelowMax(zset.member_at(first), range) || size - first <= offset) return {};
    first += offset;
    size_t end = first;
    while (end < size && BelowMax(zset.member_at(end), range)) ++end;
    return {first, end - first};
  }
  size_t end = size;
  while (!BelowMax(zset.member_at(end - 1), range)) --end;
  if (!AboveMin(zset.member_at(end - 1), range) || end <= offset) return {};
  end -= offset;
  size_t first = end;
  while (first > 0 && AboveMin(zset.member_at(first - 1), range)) --first;
  return {first, end - first};
}

}  // namespace resprobe
