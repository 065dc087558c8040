#include "core/commands/groups.h"
#include "core/commands/zset_handlers.h"

namespace resprobe {
namespace {

using namespace zset;  // NOLINT(google-build-using-namespace): the handlers

constexpr CommandGroup kGroup = CommandGroup::kSortedSet;

constexpr CommandSpec kCommands[] = {
    {"zadd", -4, kWrite | kDenyOom | kFast, OneKey(), kGroup, "1.2.0",
     "Adds members to a sorted set, or changes their scores.",
     "key [NX | XX] [GT | LT] [CH] [INCR] <score member ...>", "int(0..)|double|null", ZAdd},
    {"zcard", 2, kReadonly | kFast, OneKey(), kGroup, "1.2.0",
     "The number of members of a sorted set.", "key", "int(0..)", ZCard},
    {"zcount", 4, kReadonly | kFast, OneKey(), kGroup, "2.0.0",
     "How many members have a score within a range.", "key min max", "int(0..)", ZCount},
    {"zdiff", -3, kReadonly | kMovableKeys, NumKeys(1), kGroup, "6.2.0",
     "The members of the first sorted set that none of the others has.",
     "numkeys key [key ...] [WITHSCORES]", "array<bulk>|pairs<bulk,double>", ZDiff},
    {"zdiffstore", -4, kWrite | kDenyOom | kMovableKeys, NumKeys(2, 1), kGroup, "6.2.0",
     "Stores what ZDIFF returns.", "destination numkeys key [key ...]", "int(0..)", ZDiffStore},
    {"zincrby", 4, kWrite | kDenyOom | kFast, OneKey(), kGroup, "1.2.0",
     "Adds to the score of a member.", "key score member", "double", ZIncrBy},
    {"zinter", -3, kReadonly | kMovableKeys, NumKeys(1), kGroup, "6.2.0",
     "The members that all the sorted sets have, with combined scores.",
     "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] "
     "[WITHSCORES]",
     "array<bulk>|pairs<bulk,double>", ZInter},
    {"zintercard", -3, kReadonly | kMovableKeys, NumKeys(1), kGroup, "7.0.0",
     "How many members all the sorted sets have, counted up to a limit.",
     "numkeys key [key ...] [LIMIT count]", "int(0..)", ZInterCard},
    {"zinterstore", -4, kWrite | kDenyOom | kMovableKeys, NumKeys(2, 1), kGroup, "2.0.0",
     "Stores what ZINTER returns.",
     "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] "
     "[AGGREGATE <SUM | MIN | MAX>]",
     "int(0..)", ZInterStore},
    {"zlexcount", 4, kReadonly | kFast, OneKey(), kGroup, "2.8.9",
     "How many members lie within a range of bytes.", "key lex-min lex-max", "int(0..)", ZLexCount},
    {"zmpop", -4, kWrite | kMovableKeys, NumKeys(1), kGroup, "7.0.0",
     "Pops members from the first of the sorted sets that has any.",
     "numkeys key [key ...] <MIN | MAX> [COUNT count]",
     "tuple<bulk,array<tuple<bulk,double>>>|nullarray", ZMPop},
    {"zmscore", -3, kReadonly | kFast, OneKey(), kGroup, "6.2.0", "The scores of members.",
     "key member [member ...]", "array<double|null>", ZMScore},
    {"zpopmax", -2, kWrite | kFast, OneKey(), kGroup, "5.0.0",
     "Pops the members with the highest scores.", "key [count]",
     "tuple<bulk,double>|pairs<bulk,double>", ZPopMax},
    {"zpopmin", -2, kWrite | kFast, OneKey(), kGroup, "5.0.0",
     "Pops the members with the lowest scores.", "key [count]",
     "tuple<bulk,double>|pairs<bulk,double>", ZPopMin},
    {"zrandmember", -2, kReadonly, OneKey(), kGroup, "6.2.0", "Random members of a sorted set.",
     "key [count [WITHSCORES]]", "bulk|null|array<bulk>|pairs<bulk,double>", ZRandMember},
    {"zrange", -4, kReadonly, OneKey(), kGroup, "1.2.0",
     "A range of members, by rank, by score or by bytes.",
     "key <start stop | min max BYSCORE | lex-min lex-max BYLEX> [REV] [LIMIT offset count] "
     "[WITHSCORES]",
     "array<bulk>|pairs<bulk,double>", ZRange},
    {"zrangebylex", -4, kReadonly, OneKey(), kGroup, "2.8.9",
     "The members within a range of bytes.", "key lex-min lex-max [LIMIT offset count]",
     "array<bulk>", ZRangeByLex},
    {"zrangebyscore", -4, kReadonly, OneKey(), kGroup, "1.0.5",
     "The members with a score within a range.", "key min max [WITHSCORES] [LIMIT offset count]",
     "array<bulk>|pairs<bulk,double>", ZRangeByScore},
    {"zrangestore", -5, kWrite | kDenyOom, Keys(1, 2), kGroup, "6.2.0",
     "Stores what ZRANGE returns, with the scores.",
     "destination source <start stop | min max BYSCORE | lex-min lex-max BYLEX> [REV] "
     "[LIMIT offset count]",
     "int(0..)", ZRangeStore},
    {"zrank", 3, kReadonly | kFast, OneKey(), kGroup, "2.0.0",
     "The rank of a member, from the lowest score.", "key member", "int(0..)|null", ZRank},
    {"zrem", -3, kWrite | kFast, OneKey(), kGroup, "1.2.0", "Removes members of a sorted set.",
     "key member [member ...]", "int(0..)", ZRem},
    {"zremrangebylex", 4, kWrite, OneKey(), kGroup, "2.8.9",
     "Removes the members within a range of bytes.", "key lex-min lex-max", "int(0..)",
     ZRemRangeByLex},
    {"zremrangebyrank", 4, kWrite, OneKey(), kGroup, "2.0.0",
     "Removes the members within a range of ranks.", "key start stop", "int(0..)", ZRemRangeByRank},
    {"zremrangebyscore", 4, kWrite, OneKey(), kGroup, "1.2.0",
     "Removes the members with a score within a range.", "key min max", "int(0..)",
     ZRemRangeByScore},
    {"zrevrange", -4, kReadonly, OneKey(), kGroup, "1.2.0",
     "A range of members by rank, from the highest score.", "key start stop [WITHSCORES]",
     "array<bulk>|pairs<bulk,double>", ZRevRange},
    {"zrevrangebylex", -4, kReadonly, OneKey(), kGroup, "2.8.9",
     "The members within a range of bytes, from the highest.",
     "key lex-max lex-min [LIMIT offset count]", "array<bulk>", ZRevRangeByLex},
    {"zrevrangebyscore", -4, kReadonly, OneKey(), kGroup, "2.2.0",
     "The members with a score within a range, from the highest score.",
     "key max min [WITHSCORES] [LIMIT offset count]", "array<bulk>|pairs<bulk,double>",
     ZRevRangeByScore},
    {"zrevrank", 3, kReadonly | kFast, OneKey(), kGroup, "2.0.0",
     "The rank of a member, from the highest score.", "key member", "int(0..)|null", ZRevRank},
    {"zscan", -3, kReadonly, OneKey(), kGroup, "2.8.0",
     "One step of an iteration over the members and scores of a sorted set.",
     "key cursor [MATCH pattern] [COUNT count]", "tuple<bulk(int),flat<bulk,bulk>>", ZScan},
    {"zscore", 3, kReadonly | kFast, OneKey(), kGroup, "1.2.0", "The score of a member.",
     "key member", "double|null", ZScore},
    {"zunion", -3, kReadonly | kMovableKeys, NumKeys(1), kGroup, "6.2.0",
     "The members that any of the sorted sets has, with combined scores.",
     "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] "
     "[WITHSCORES]",
     "array<bulk>|pairs<bulk,double>", ZUnion},
    {"zunionstore", -4, kWrite | kDenyOom | kMovableKeys, NumKeys(2, 1), kGroup, "2.0.0",
     "Stores what ZUNION returns.",
     "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] "
     "[AGGREGATE <SUM | MIN | MAX>]",
     "int(0..)", ZUnionStore},
};

}  // namespace

std::span<const CommandSpec> ZSetCommands() { return kCommands; }

}  // namespace resprobe
