#include <algorithm>
#include <cmath>

#include "core/commands/inline_vector.h"
#include "core/commands/multi_pop.h"
#include "core/commands/sampling.h"
#include "core/commands/scan_names.h"
#include "core/commands/zset_handlers.h"
#include "core/keyspace/integers.h"
#include "core/server/propagate.h"
#include "core/server/server.h"
#include "core/server/wait.h"

// Sorted sets, single members, following src/t_zset.c of redis 7.0.15.
namespace resprobe::zset {

bool Find(CommandContext& c, std::string_view key, ZSet** zset) {
  Object* object;
  if (!c.Find(key, ObjectType::kZset, &object)) return false;
  *zset = object == nullptr ? nullptr : &object->zset();
  return true;
}

void Store(CommandContext& c, std::string_view destination, ZSet& result) {
  c.reply.Integer(static_cast<int64_t>(result.size()));
  if (result.empty()) {
    c.keyspace.DeleteEvenExpired(c.db, destination);
    return;
  }
  c.keyspace.Overwrite(c.db, destination, ObjectType::kZset).zset().swap(result);
  c.Modified(destination);
}

void MembersHeader(CommandContext& c, size_t count, bool with_scores) {
  c.reply.ArrayHeader(with_scores && c.protocol() < 3 ? 2 * count : count);
}

void Member(CommandContext& c, std::string_view member, double score, bool with_scores) {
  if (with_scores && c.protocol() >= 3) c.reply.ArrayHeader(2);
  c.reply.BulkString(member);
  if (with_scores) c.ReplyDouble(score);
}

namespace {

struct AddOptions {
  bool nx = false;
  bool xx = false;
  bool gt = false;
  bool lt = false;
  bool changed = false;    // CH: reply with the number of members that changed
  bool increment = false;  // INCR
};

// The effect of one score on a member, and the member's resulting score.
enum class Outcome { kNothing, kSame, kUpdated, kAdded, kNan };

Outcome Decide(const AddOptions& options, const double* old, double* score) {
  if (old == nullptr) return options.xx ? Outcome::kNothing : Outcome::kAdded;
  if (options.nx) return Outcome::kNothing;
  if (options.increment) {
    *score += *old;
    if (std::isnan(*score)) return Outcome::kNan;
  }
  if ((options.lt && *score >= *old) || (options.gt && *score <= *old)) return Outcome::kNothing;
  return *score == *old ? Outcome::kSame : Outcome::kUpdated;
}

// `pairs` alternates scores and members; members may repeat.
bool NeedsLargeForm(std::span<const std::string_view> pairs) {
  if (pairs.size() / 2 > ZSet::kCompactMembers) return true;
  for (size_t i = 1; i < pairs.size(); i += 2) {
    if (pairs[i].size() > ZSet::kCompactBytes) return true;
  }
  return false;
}

void Add(CommandContext& c, AddOptions options) {
  const size_t argc = c.argc();
  size_t first = 2;
  for (; first < argc; ++first) {
    if (c.Is(first, "NX")) {
      options.nx = true;
    } else if (c.Is(first, "XX")) {
      options.xx = true;
    } else if (c.Is(first, "CH")) {
      options.changed = true;
    } else if (c.Is(first, "INCR")) {
      options.increment = true;
    } else if (c.Is(first, "GT")) {
      options.gt = true;
    } else if (c.Is(first, "LT")) {
      options.lt = true;
    } else {
      break;
    }
  }
  const size_t members = (argc - first) / 2;
  if (members == 0 || (argc - first) % 2 != 0) {
    c.SyntaxError();
    return;
  }
  if (options.nx && options.xx) {
    c.Error("ERR XX and NX options at the same time are not compatible");
    return;
  }
  if ((options.nx && (options.gt || options.lt)) || (options.gt && options.lt)) {
    c.Error("ERR GT, LT, and/or NX options at the same time are not compatible");
    return;
  }
  if (options.increment && members > 1) {
    c.Error("ERR INCR option supports a single increment-element pair");
    return;
  }
  InlineVector<double, 16> scores;
  for (size_t i = 0; i < members; ++i) {
    double score;
    if (!c.Double(first + 2 * i, &score)) return;
    scores.push_back(score);
  }

  ZSet* zset;
  if (!Find(c, c.args[1], &zset)) return;
  if (zset == nullptr) {
    if (options.xx) return options.increment ? c.reply.NullBulk() : c.reply.Integer(0);
    zset = &c.FindOrCreate(c.args[1], ObjectType::kZset).zset();
  }
  int64_t added = 0;
  int64_t updated = 0;
  Outcome outcome = Outcome::kNothing;
  if (c.traits().zadd_makes_room_first && NeedsLargeForm(c.args.subspan(first))) zset->MakeLarge();
  double score = 0;
  for (size_t i = 0; i < members; ++i) {
    const std::string_view member = c.args[first + 2 * i + 1];
    score = scores[i];
    outcome = Decide(options, zset->Find(member), &score);
    if (outcome == Outcome::kNan) {  // an increment, so the only member: nothing has changed yet
      c.Error(errors::kNan);
      return;
    }
    if (outcome == Outcome::kNothing || outcome == Outcome::kSame) continue;
    zset->Set(member, zset->AsStored(member, score));
    ++(outcome == Outcome::kAdded ? added : updated);
  }
  if (!options.increment) {
    c.reply.Integer(options.changed ? added + updated : added);
  } else if (outcome == Outcome::kNothing) {
    c.reply.NullBulk();
  } else {
    c.ReplyDouble(score);
  }
  if (added + updated > 0) c.Modified(c.args[1]);
}

// Pops the lowest scores, or the highest; with `nested` the reply consists of pairs.
void ReplyAndPop(CommandContext& c, ZSet& zset, bool highest, size_t count, bool nested) {
  const size_t size = zset.size();
  c.reply.ArrayHeader(nested ? count : 2 * count);
  for (size_t i = 0; i < count; ++i) {
    const size_t rank = highest ? size - 1 - i : i;
    if (nested) c.reply.ArrayHeader(2);
    c.reply.BulkString(zset.member_at(rank));
    c.ReplyDouble(zset.score_at(rank));
  }
  zset.EraseRanks(highest ? size - count : 0, count);
}

void Pop(CommandContext& c, bool highest) {
  if (c.argc() > 3) {
    c.SyntaxError();
    return;
  }
  const bool counted = c.argc() == 3;
  int64_t count = 1;
  if (counted && !c.IntBetween(2, 0, INT64_MAX, &count, errors::kMustBePositive)) return;
  ZSet* zset;
  if (!Find(c, c.args[1], &zset)) return;
  if (zset == nullptr || count == 0) return c.reply.ArrayHeader(0);
  ReplyAndPop(c, *zset, highest, std::min(static_cast<size_t>(count), zset->size()),
              counted && c.protocol() >= 3);
  c.Modified(c.args[1]);
}

void Rank(CommandContext& c, bool reverse) {
  // Only in some profiles does the arity allow more than two arguments.
  if (c.argc() > 4) {
    c.WrongArity();
    return;
  }
  const bool with_score = c.argc() == 4;
  if (with_score && !c.Is(3, "WITHSCORE")) {
    c.SyntaxError();
    return;
  }
  ZSet* zset;
  if (!Find(c, c.args[1], &zset)) return;
  const size_t size = zset == nullptr ? 0 : zset->size();
  const size_t rank = zset == nullptr ? 0 : zset->RankOf(c.args[2]);
  if (rank == size) return with_score ? c.reply.NullArray() : c.reply.NullBulk();
  if (with_score) c.reply.ArrayHeader(2);
  c.reply.Integer(static_cast<int64_t>(reverse ? size - 1 - rank : rank));
  if (with_score) c.ReplyDouble(zset->score_at(rank));
}

void ReplyScore(CommandContext& c, const ZSet* zset, std::string_view member) {
  const double* score = zset == nullptr ? nullptr : zset->Find(member);
  if (score == nullptr) return c.reply.NullBulk();
  c.ReplyDouble(*score);
}

// Writes a score as ZSCAN does, always as a bulk string. The compact encoding stores whole numbers
// as integers and prints them in full (util.c, double2ll), while other doubles get an exponent from
// 1e17 on (every server prints them with 17 digits).
void ReplyScannedScore(CommandContext& c, double score, bool compact) {
  char buffer[kNumberBufferSize];
  if (compact && std::fabs(score) <= 0x1p62 && score == std::trunc(score)) {
    c.reply.BulkString(FormatInt64(static_cast<int64_t>(score), buffer));
  } else {
    c.reply.BulkString(FormatDouble(compact ? c.profile : Profile::kRedis70, score, buffer));
  }
}

}  // namespace

void ZAdd(CommandContext& c) { Add(c, {}); }

void ZIncrBy(CommandContext& c) {
  AddOptions options;
  options.increment = true;
  Add(c, options);
}

void ZRem(CommandContext& c) {
  ZSet* zset;
  if (!Find(c, c.args[1], &zset)) return;
  if (zset == nullptr) return c.reply.Integer(0);
  int64_t removed = 0;
  for (const std::string_view member : c.args.subspan(2)) removed += zset->Erase(member);
  c.reply.Integer(removed);
  if (removed > 0) c.Modified(c.args[1]);
}

void ZCard(CommandContext& c) {
  ZSet* zset;
  if (!Find(c, c.args[1], &zset)) return;
  c.reply.Integer(zset == nullptr ? 0 : static_cast<int64_t>(zset->size()));
}

void ZScore(CommandContext& c) {
  ZSet* zset;
  if (Find(c, c.args[1], &zset)) ReplyScore(c, zset, c.args[2]);
}

void ZMScore(CommandContext& c) {
  ZSet* zset;
  if (!Find(c, c.args[1], &zset)) return;
  c.reply.ArrayHeader(c.argc() - 2);
  for (const std::string_view member : c.args.subspan(2)) ReplyScore(c, zset, member);
}

void ZRank(CommandContext& c) { Rank(c, /*reverse=*/false); }
void ZRevRank(CommandContext& c) { Rank(c, /*reverse=*/true); }

void ZPopMin(CommandContext& c) { Pop(c, /*highest=*/false); }
void ZPopMax(CommandContext& c) { Pop(c, /*highest=*/true); }

namespace {

void ReplyKeyAndPop(CommandContext& c, std::string_view key, ZSet& zset, bool highest,
                    int64_t count) {
  const size_t popped = std::min(static_cast<size_t>(count), zset.size());
  c.reply.ArrayHeader(2);
  c.reply.BulkString(key);
  ReplyAndPop(c, zset, highest, popped, /*nested=*/true);
  c.Modified(key);
  PropagateAs(c, highest ? "ZPOPMAX" : "ZPOPMIN", key, popped);
}

}  // namespace

void ZMPop(CommandContext& c) {
  MultiPop pop;
  if (!pop.Parse(c, 1, "MIN", "MAX")) return;
  for (const std::string_view key : c.args.subspan(2, pop.keys)) {
    ZSet* zset;
    if (!Find(c, key, &zset)) return;
    if (zset != nullptr) return ReplyKeyAndPop(c, key, *zset, pop.other, pop.count);
  }
  c.reply.NullArray();
}

namespace {

// Pops from the first of the keys that holds a sorted set, or blocks. `count` is -1 for BZPOPMIN
// and BZPOPMAX.
void PopOrWait(CommandContext& c, size_t first_key, size_t keys, bool highest, size_t timeout_at,
               int64_t count) {
  int64_t until;
  if (!ParseTimeout(c, timeout_at, TimeoutUnit::kSeconds, &until)) return;
  for (const std::string_view key : c.args.subspan(first_key, keys)) {
    if (!c.server.MayServe(c.client, key)) continue;
    ZSet* zset;
    if (!Find(c, key, &zset)) return;
    if (zset == nullptr) continue;
    if (count != -1) return ReplyKeyAndPop(c, key, *zset, highest, count);
    const size_t rank = highest ? zset->size() - 1 : 0;
    c.reply.ArrayHeader(3);
    c.reply.BulkString(key);
    c.reply.BulkString(zset->member_at(rank));
    c.ReplyDouble(zset->score_at(rank));
    zset->EraseRanks(rank, 1);
    PropagateAs(c, highest ? "ZPOPMAX" : "ZPOPMIN", key);
    return c.Modified(key);
  }
  WaitOrReplyNothing(c, {ObjectType::kZset, first_key, keys, until, Wait::Nothing::kNullArray});
}

}  // namespace

void BZPopMin(CommandContext& c) { PopOrWait(c, 1, c.argc() - 2, false, c.argc() - 1, -1); }
void BZPopMax(CommandContext& c) { PopOrWait(c, 1, c.argc() - 2, true, c.argc() - 1, -1); }

void BZMPop(CommandContext& c) {
  MultiPop pop;
  if (pop.Parse(c, 2, "MIN", "MAX")) PopOrWait(c, 3, pop.keys, pop.other, 1, pop.count);
}

void ZRandMember(CommandContext& c) {
  SampleRequest request;
  const bool counted = c.argc() > 2;
  if (counted && !ParseSampleRequest(c, "WITHSCORES", &request)) return;
  ZSet* zset;
  if (!Find(c, c.args[1], &zset)) return;
  if (!counted) {
    if (zset == nullptr) return c.reply.NullBulk();
    return c.reply.BulkString(zset->member_at(c.random.Below(zset->size())));
  }
  if (zset == nullptr) return c.reply.ArrayHeader(0);
  size_t elements;
  if (!SampleSize(c, request, zset->size(), &elements)) return;
  MembersHeader(c, elements, request.with_values);
  Sample(c.random, request.count, zset->size(), [&](size_t rank) {
    Member(c, zset->member_at(rank), zset->score_at(rank), request.with_values);
  });
}

void ZScan(CommandContext& c) {
  uint64_t cursor;
  if (!c.Cursor(2, &cursor)) return;
  ZSet* zset;
  if (!Find(c, c.args[1], &zset)) return;
  if (zset == nullptr) return EmptyScanReply(c);  // before the options are parsed
  CommandContext::ScanOptions options;
  if (!c.ParseScanOptions(3, /*allow_type=*/false, &options)) return;
  c.views.clear();
  BeginScanReply(c, zset->scores(), zset->compact(), cursor, options,
                 [&](const auto& entry) { c.views.push_back(entry.key); });
  c.reply.ArrayHeader(2 * c.views.size());
  for (const std::string_view member : c.views) {
    c.reply.BulkString(member);
    ReplyScannedScore(c, *zset->Find(member), zset->compact());
  }
}

}  // namespace resprobe::zset
