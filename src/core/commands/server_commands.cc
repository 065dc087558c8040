// The server group (redis 7.0 db.c, server.c), except COMMAND.

#include "core/server/propagate.h"
#include "core/server/server.h"
#include "core/table/command.h"
#include "core/table/groups.h"

namespace resprobe {
namespace {

void DbSize(CommandContext& c) { c.reply.Integer(static_cast<int64_t>(c.keyspace.KeyCount(c.db))); }

// SYNC and ASYNC differ only in which thread frees the memory.
bool ParseFlushOptions(CommandContext& c) {
  return c.argc() == 1 || (c.argc() == 2 && (c.Is(1, "SYNC") || c.Is(1, "ASYNC"))) ||
         c.SyntaxError();
}

void FlushDb(CommandContext& c) {
  if (!ParseFlushOptions(c)) return;
  c.keyspace.Flush(c.db);
  PropagateAlways(c);
  c.reply.Ok();
}

void FlushAll(CommandContext& c) {
  if (!ParseFlushOptions(c)) return;
  c.keyspace.Flush(-1);
  PropagateAlways(c);
  c.reply.Ok();
}

void SwapDb(CommandContext& c) {
  int64_t a;
  int64_t b;
  if (!c.IntBetween(1, INT32_MIN, INT32_MAX, &a, "ERR invalid first DB index") ||
      !c.IntBetween(2, INT32_MIN, INT32_MAX, &b, "ERR invalid second DB index")) {
    return;
  }
  const int count = c.keyspace.databases();
  if (a < 0 || a >= count || b < 0 || b >= count) {
    c.Error(errors::kDbOutOfRange);
    return;
  }
  c.server.SwapDatabases(static_cast<int>(a), static_cast<int>(b));
  PropagateAlways(c);
  c.reply.Ok();
}

void Time(CommandContext& c) {
  const int64_t now = c.keyspace.now_ms();
  c.reply.ArrayHeader(2);
  c.reply.BulkInteger(now / 1000);
  c.reply.BulkInteger(now % 1000 * 1000);
}

constexpr CommandSpec kServerCommands[] = {
    {.name = "dbsize",
     .arity = 1,
     .flags = kReadonly | kFast | kToAllShards | kFromSum,
     .group = CommandGroup::kServer,
     .since = "1.0.0",
     .summary = "How many keys the database holds",
     .syntax = "",
     .reply = "int(0..)",
     .handler = DbSize},
    {.name = "flushall",
     .arity = -1,
     .flags = kWrite | kToAllShards | kFromAllSucceeded,
     .group = CommandGroup::kServer,
     .since = "1.0.0",
     .summary = "Delete all keys of all databases",
     .syntax = "[ASYNC | SYNC]",
     .reply = "ok",
     .handler = FlushAll,
     .traits = {.bits = kRare}},
    {.name = "flushdb",
     .arity = -1,
     .flags = kWrite | kToAllShards | kFromAllSucceeded,
     .group = CommandGroup::kServer,
     .since = "1.0.0",
     .summary = "Delete all keys of the database",
     .syntax = "[ASYNC | SYNC]",
     .reply = "ok",
     .handler = FlushDb,
     .traits = {.bits = kRare}},
    {.name = "swapdb",
     .arity = 3,
     .flags = kWrite | kFast,
     .group = CommandGroup::kServer,
     .since = "4.0.0",
     .summary = "Exchange two databases",
     .syntax = "db db",
     .reply = "ok",
     .handler = SwapDb,
     .traits = {.bits = kOtherDatabase | kRare}},
    {.name = "time",
     .arity = 1,
     .flags = kLoading | kStale | kFast | kRandomOutput,
     .group = CommandGroup::kServer,
     .since = "2.6.0",
     .summary = "The server's clock: seconds and microseconds",
     .syntax = "",
     .reply = "tuple<bulk(int),bulk(int)>",
     .handler = Time,
     .traits = {.freedom = ReplyFreedom::kMasked}},
};

}  // namespace

std::span<const CommandSpec> ServerCommands() { return kServerCommands; }

}  // namespace resprobe
