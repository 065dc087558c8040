#include <algorithm>
#include <cmath>

#include "core/commands/inline_vector.h"
#include "core/commands/zset_handlers.h"
#include "core/table/table.h"

// Unions, intersections and differences of sorted sets, following zunionInterDiffGenericCommand()
// in src/t_zset.c of redis 7.0.15. A plain set counts as a sorted set whose scores are all 1.
namespace resprobe::zset {
namespace {

enum class Operation { kUnion, kInter, kDiff, kInterCard };
enum class Aggregate { kSum, kMin, kMax };

struct Source {
  const ZSet* zset = nullptr;  // at most one of the two; neither: the key is missing
  const Set* set = nullptr;
  double weight = 1;
  size_t position = 0;  // index among the keys

  size_t size() const { return zset != nullptr ? zset->size() : set != nullptr ? set->size() : 0; }
  std::string_view member(size_t i) const {
    return zset != nullptr ? zset->scores().at(i).key : set->members().at(i).key;
  }
  double score(size_t i) const { return zset != nullptr ? zset->scores().at(i).value : 1; }
  bool Find(std::string_view name, double* found) const {
    if (zset != nullptr) {
      const double* at = zset->Find(name);
      if (at != nullptr) *found = *at;
      return at != nullptr;
    }
    *found = 1;
    return set != nullptr && set->Contains(name);
  }
};
using Sources = InlineVector<Source, 16>;

struct Options {
  Aggregate aggregate = Aggregate::kSum;
  bool with_scores = false;
  int64_t limit = 0;
};

bool ParseSources(CommandContext& c, size_t count_at, Sources& sources) {
  int64_t count;
  if (!c.Int(count_at, &count)) return false;
  if (count < 1) {
    return c.ErrorAbout("ERR at least 1 input key is needed for '", c.command.full_name(),
                        "' command");
  }
  const size_t rest = c.argc() - count_at - 1;
  if (static_cast<uint64_t>(count) > rest) return c.SyntaxError();
  for (const std::string_view key : c.args.subspan(count_at + 1, static_cast<size_t>(count))) {
    Source source;
    source.position = sources.size();
    Object* object = c.keyspace.Find(c.db, key);
    if (object != nullptr) {
      // The containers stay valid when a later lookup moves the object.
      if (object->type() == ObjectType::kZset) {
        source.zset = &object->zset();
      } else if (object->type() == ObjectType::kSet) {
        source.set = &object->set();
      } else {
        return c.WrongType();
      }
    }
    sources.push_back(source);
  }
  return true;
}

bool ParseAggregate(CommandContext& c, size_t i, Aggregate* aggregate) {
  if (c.Is(i, "SUM")) {
    *aggregate = Aggregate::kSum;
  } else if (c.Is(i, "MIN")) {
    *aggregate = Aggregate::kMin;
  } else if (c.Is(i, "MAX")) {
    *aggregate = Aggregate::kMax;
  } else {
    return c.SyntaxError();
  }
  return true;
}

bool ParseOptions(CommandContext& c, size_t first, Operation operation, bool store,
                  Sources& sources, Options* options) {
  const bool weighted = operation == Operation::kUnion || operation == Operation::kInter;
  const size_t argc = c.argc();
  size_t i = first;
  while (i < argc) {
    const size_t left = argc - i;
    if (weighted && left > sources.size() && c.Is(i, "WEIGHTS")) {
      ++i;
      for (Source& source : sources) {
        if (!c.Double(i++, &source.weight, "ERR weight value is not a float")) return false;
      }
    } else if (weighted && left >= 2 && c.Is(i, "AGGREGATE")) {
      if (!ParseAggregate(c, i + 1, &options->aggregate)) return false;
      i += 2;
    } else if (!store && operation != Operation::kInterCard && c.Is(i, "WITHSCORES")) {
      options->with_scores = true;
      ++i;
    } else if (operation == Operation::kInterCard && left >= 2 && c.Is(i, "LIMIT")) {
      if (!c.IntBetween(i + 1, 0, INT64_MAX, &options->limit, "ERR LIMIT can't be negative")) {
        return false;
      }
      i += 2;
    } else {
      return c.SyntaxError();
    }
  }
  return true;
}

// 0 * inf and inf - inf are 0 here.
double ZeroIfNan(double score) { return std::isnan(score) ? 0 : score; }

double Combine(double a, double b, Aggregate aggregate) {
  switch (aggregate) {
    case Aggregate::kSum:
      return ZeroIfNan(a + b);
    case Aggregate::kMin:
      return b < a ? b : a;
    case Aggregate::kMax:
      return b > a ? b : a;
  }
  return a;
}

// A member's scores are combined from the smallest source to the largest, which affects the
// rounding of sums.
void SortBySize(Sources& sources) {
  std::sort(sources.begin(), sources.end(), [](const Source& a, const Source& b) {
    return a.size() != b.size() ? a.size() < b.size() : a.position < b.position;
  });
}

// Calls visit(member, score) for each member that all sources have; visit returns whether to
// continue.
template <class Visit>
void Intersect(const Sources& sources, Aggregate aggregate, Visit&& visit) {
  const Source& smallest = sources[0];
  for (size_t i = 0; i < smallest.size(); ++i) {
    const std::string_view member = smallest.member(i);
    double score = ZeroIfNan(smallest.weight * smallest.score(i));
    bool everywhere = true;
    for (size_t s = 1; s < sources.size() && everywhere; ++s) {
      double other;
      everywhere = sources[s].Find(member, &other);
      if (everywhere) score = Combine(score, other * sources[s].weight, aggregate);
    }
    if (everywhere && !visit(member, score)) return;
  }
}

void Unite(const Sources& sources, Aggregate aggregate, ZSet& result) {
  for (const Source& source : sources) {
    for (size_t i = 0; i < source.size(); ++i) {
      const std::string_view member = source.member(i);
      double score = ZeroIfNan(source.weight * source.score(i));
      if (const double* before = result.Find(member)) {
        score = Combine(*before, score, aggregate);
        // ZSet::Set() treats 0 and -0 as equal.
        if (*before == score && std::signbit(*before) != std::signbit(score)) result.Erase(member);
      }
      result.Set(member, score);
    }
  }
}

void Subtract(const Sources& sources, ZSet& result) {
  const Source& first = sources[0];
  for (size_t i = 0; i < first.size(); ++i) {
    const std::string_view member = first.member(i);
    const bool elsewhere =
        std::any_of(sources.begin() + 1, sources.end(), [&](const Source& source) {
          double ignored;
          return source.Find(member, &ignored);
        });
    if (!elsewhere) result.Set(member, first.score(i));
  }
}

// The server finally converts a small result to the compact encoding, which has no -0.
void DropNegativeZeros(ZSet& zset) {
  if (!zset.compact()) return;
  const size_t end = zset.CountBelow(0, true);
  for (size_t rank = zset.CountBelow(0, false); rank < end; ++rank) {
    if (!std::signbit(zset.score_at(rank))) continue;
    const std::string member = zset.member_at(rank);
    zset.Erase(member);
    zset.Set(member, 0);  // at the same rank: 0 and -0 are equal in order
  }
}

void Run(CommandContext& c, Operation operation, bool store) {
  const size_t count_at = store ? 2 : 1;
  Sources sources;
  Options options;
  if (!ParseSources(c, count_at, sources)) return;
  if (!ParseOptions(c, count_at + 1 + sources.size(), operation, store, sources, &options)) return;
  if (operation != Operation::kDiff) SortBySize(sources);

  if (operation == Operation::kInterCard) {
    int64_t members = 0;
    Intersect(sources, options.aggregate, [&](std::string_view, double) {
      ++members;
      return members != options.limit;
    });
    return c.reply.Integer(members);
  }
  ZSet& result = c.scratch_zset;
  result.Clear();
  switch (operation) {
    case Operation::kUnion:
      Unite(sources, options.aggregate, result);
      break;
    case Operation::kDiff:
      Subtract(sources, result);
      break;
    case Operation::kInter:
    case Operation::kInterCard:
      Intersect(sources, options.aggregate, [&](std::string_view member, double score) {
        result.Set(member, score);
        return true;
      });
      break;
  }
  if (store) {
    DropNegativeZeros(result);
    return Store(c, c.args[1], result);
  }
  MembersHeader(c, result.size(), options.with_scores);
  for (size_t rank = 0; rank < result.size(); ++rank) {
    Member(c, result.member_at(rank), result.score_at(rank), options.with_scores);
  }
}

}  // namespace

void ZUnion(CommandContext& c) { Run(c, Operation::kUnion, /*store=*/false); }
void ZInter(CommandContext& c) { Run(c, Operation::kInter, /*store=*/false); }
void ZDiff(CommandContext& c) { Run(c, Operation::kDiff, /*store=*/false); }
void ZUnionStore(CommandContext& c) { Run(c, Operation::kUnion, /*store=*/true); }
void ZInterStore(CommandContext& c) { Run(c, Operation::kInter, /*store=*/true); }
void ZDiffStore(CommandContext& c) { Run(c, Operation::kDiff, /*store=*/true); }
void ZInterCard(CommandContext& c) { Run(c, Operation::kInterCard, /*store=*/false); }

}  // namespace resprobe::zset
