// Lists: the blocking commands (redis 7.0 t_list.c).

#include "core/commands/list_handlers.h"
#include "core/commands/multi_pop.h"
#include "core/server/propagate.h"
#include "core/server/server.h"
#include "core/server/wait.h"
#include "core/table/groups.h"

namespace resprobe {
namespace {

using namespace list;  // NOLINT(google-build-using-namespace): what the handlers share

constexpr ObjectType kType = ObjectType::kList;

std::string_view PopName(End end) { return end == End::kHead ? "LPOP" : "RPOP"; }

// Pops from the first of the keys that holds a list, or blocks. `count` is -1 for the commands that
// pop a single element.
void PopOrWait(CommandContext& c, size_t first_key, size_t keys, End end, size_t timeout_at,
               int64_t count) {
  int64_t until;
  if (!ParseTimeout(c, timeout_at, TimeoutUnit::kSeconds, &until)) return;
  for (const std::string_view key : c.args.subspan(first_key, keys)) {
    if (!c.server.MayServe(c.client, key)) continue;
    Object* object;
    if (!c.Find(key, kType, &object)) return;
    if (object == nullptr) continue;
    List& list = object->list();
    c.reply.ArrayHeader(2);
    c.reply.BulkString(key);
    if (count == -1) {
      c.reply.BulkString(PeekEnd(list, end));
      PopOne(list, end);
      PropagateAs(c, PopName(end), key);
    } else {
      const size_t popped = std::min(static_cast<size_t>(count), list.size());
      ReplyAndPop(c, list, end, popped);
      PropagateAs(c, PopName(end), key, popped);
    }
    c.Modified(key);
    return;
  }
  WaitOrReplyNothing(c, {kType, first_key, keys, until, Wait::Nothing::kNullArray});
}

void BLPop(CommandContext& c) { PopOrWait(c, 1, c.argc() - 2, End::kHead, c.argc() - 1, -1); }
void BRPop(CommandContext& c) { PopOrWait(c, 1, c.argc() - 2, End::kTail, c.argc() - 1, -1); }

void BLMPop(CommandContext& c) {
  MultiPop pop;
  if (!pop.Parse(c, 2, "LEFT", "RIGHT")) return;
  PopOrWait(c, 3, pop.keys, pop.other ? End::kTail : End::kHead, 1, pop.count);
}

void MoveOrWait(CommandContext& c, End from, End to, size_t timeout_at) {
  int64_t until;
  if (!ParseTimeout(c, timeout_at, TimeoutUnit::kSeconds, &until)) return;
  Object* object;
  if (!c.Find(c.args[1], kType, &object)) return;
  if (object != nullptr) {
    if (!Move(c, from, to)) return;
    if (c.argc() == 4) return PropagateAs(c, "RPOPLPUSH", c.args[1], c.args[2]);
    // A client that has waited: redis 7.0 t_list.c serveClientBlockedOnList.
    if (c.server.Serves(c.client) && !c.traits().waits_run_again) {
      constexpr std::string_view kNames[] = {"left", "right"};
      return PropagateAs(c, "LMOVE", c.args[1], c.args[2], kNames[from == End::kTail],
                         kNames[to == End::kTail]);
    }
    return PropagateAs(c, "LMOVE", c.args[1], c.args[2], c.args[3], c.args[4]);
  }
  // Inside MULTI the command does not block, and its null is a different one, that of LMOVE.
  if (c.client.multi) return c.reply.NullBulk();
  c.server.Block(c, {kType, 1, 1, until, Wait::Nothing::kNullArray});
}

void BLMove(CommandContext& c) {
  End from;
  End to;
  if (ParseEnd(c, 3, &from) && ParseEnd(c, 4, &to)) MoveOrWait(c, from, to, 5);
}
void BRPopLPush(CommandContext& c) { MoveOrWait(c, End::kTail, End::kHead, 3); }

constexpr CommandGroup kGroup = CommandGroup::kList;

constexpr CommandSpec kCommands[] = {
    {"blmove",
     6,
     kWrite | kDenyOom | kNoScript | kBlocking,
     Keys(1, 2).Uses(kTakesFrom, kAddsTo),
     kGroup,
     "6.2.0",
     "LMOVE that waits for an element.",
     "source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout",
     "bulk|null|nullarray",
     BLMove,
     {.time = {TimeArgument::Kind::kTimeout, -1}, .bits = kMovesElement}},
    {"blmpop",
     -5,
     kWrite | kBlocking | kMovableKeys,
     NumKeys(2).Uses(kTakesFrom),
     kGroup,
     "7.0.0",
     "LMPOP that waits for an element.",
     "timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
     "tuple<bulk,array<bulk>>|nullarray",
     BLMPop,
     {.time = {TimeArgument::Kind::kTimeout, 1}, .bits = kSignalsPop}},
    {"blpop",
     -3,
     kWrite | kNoScript | kBlocking,
     Keys(1, -2).Uses(kTakesFrom),
     kGroup,
     "2.0.0",
     "Pops an element from the head of the first list that has any, and waits for one.",
     "key [key ...] timeout",
     "tuple<bulk,bulk>|nullarray",
     BLPop,
     {.time = {TimeArgument::Kind::kTimeout, -1}}},
    {"brpop",
     -3,
     kWrite | kNoScript | kBlocking,
     Keys(1, -2).Uses(kTakesFrom),
     kGroup,
     "2.0.0",
     "Pops an element from the tail of the first list that has any, and waits for one.",
     "key [key ...] timeout",
     "tuple<bulk,bulk>|nullarray",
     BRPop,
     {.time = {TimeArgument::Kind::kTimeout, -1}}},
    {"brpoplpush",
     4,
     kWrite | kDenyOom | kNoScript | kBlocking,
     Keys(1, 2).Uses(kTakesFrom, kAddsTo),
     kGroup,
     "2.2.0",
     "RPOPLPUSH that waits for an element.",
     "source destination timeout",
     "bulk|null|nullarray",
     BRPopLPush,
     {.time = {TimeArgument::Kind::kTimeout, -1}, .bits = kMovesElement}},
};

}  // namespace

std::span<const CommandSpec> ListBlockingCommands() { return kCommands; }

}  // namespace resprobe
