#ifndef RESPROBE_CORE_COMMANDS_ZSET_HANDLERS_H_
#define RESPROBE_CORE_COMMANDS_ZSET_HANDLERS_H_

#include <string_view>

#include "core/table/command.h"

// The handlers of the sorted set commands, and shared functions. zset_commands.cc has their part of
// the command table.
namespace resprobe::zset {

// Finds the sorted set at a key, or nullptr; false after a WRONGTYPE reply.
bool Find(CommandContext& c, std::string_view key, ZSet** zset);

// Stores `result` at the destination, or deletes the destination if the result is empty; replies
// with its size. Leaves `result` empty.
void Store(CommandContext& c, std::string_view destination, ZSet& result);

// Writes the header of a reply with `count` members or member-score pairs: pairs are flat in RESP2
// and nested in RESP3. Member() then writes each.
void MembersHeader(CommandContext& c, size_t count, bool with_scores);
void Member(CommandContext& c, std::string_view member, double score, bool with_scores);

// zset_element_commands.cc: single members.
void ZAdd(CommandContext& c);
void ZIncrBy(CommandContext& c);
void ZRem(CommandContext& c);
void ZCard(CommandContext& c);
void ZScore(CommandContext& c);
void ZMScore(CommandContext& c);
void ZRank(CommandContext& c);
void ZRevRank(CommandContext& c);
void ZPopMin(CommandContext& c);
void ZPopMax(CommandContext& c);
void ZMPop(CommandContext& c);
void BZPopMin(CommandContext& c);
void BZPopMax(CommandContext& c);
void BZMPop(CommandContext& c);
void ZRandMember(CommandContext& c);
void ZScan(CommandContext& c);

// zset_range_commands.cc: ranges by rank, score and bytes.
void ZRange(CommandContext& c);
void ZRangeStore(CommandContext& c);
void ZRevRange(CommandContext& c);
void ZRangeByScore(CommandContext& c);
void ZRevRangeByScore(CommandContext& c);
void ZRangeByLex(CommandContext& c);
void ZRevRangeByLex(CommandContext& c);
void ZCount(CommandContext& c);
void ZLexCount(CommandContext& c);
void ZRemRangeByRank(CommandContext& c);
void ZRemRangeByScore(CommandContext& c);
void ZRemRangeByLex(CommandContext& c);

// zset_algebra_commands.cc: operations on several sorted sets, or sets.
void ZUnion(CommandContext& c);
void ZInter(CommandContext& c);
void ZDiff(CommandContext& c);
void ZUnionStore(CommandContext& c);
void ZInterStore(CommandContext& c);
void ZDiffStore(CommandContext& c);
void ZInterCard(CommandContext& c);

}  // namespace resprobe::zset

#endif  // RESPROBE_CORE_COMMANDS_ZSET_HANDLERS_H_
