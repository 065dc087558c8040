// Transactions (redis 7.0 multi.c).

#include "core/server/server.h"
#include "core/table/command.h"
#include "core/table/groups.h"

namespace resprobe {
namespace {

void Multi(CommandContext& c) {
  if (c.client.multi) {
    c.Error("ERR MULTI calls can not be nested");
    return;
  }
  c.client.multi = true;
  c.reply.Ok();
}

void Discard(CommandContext& c) {
  if (!c.client.multi) {
    c.Error("ERR DISCARD without MULTI");
    return;
  }
  c.server.DiscardTransaction(c.client);
  c.reply.Ok();
}

void Exec(CommandContext& c) {
  Client& client = c.client;
  if (!client.multi) {
    c.Error("ERR EXEC without MULTI");
  } else if (client.dirty_exec) {
    c.Error("EXECABORT Transaction discarded because of previous errors.");
    c.server.DiscardTransaction(client);
  } else if (client.dirty_cas || c.server.WatchedKeyExpired(client)) {
    c.reply.NullArray();
    c.server.DiscardTransaction(client);
  } else {
    c.server.ExecQueue(c);
  }
}

void Watch(CommandContext& c) {
  if (c.client.multi) {
    c.Error("ERR WATCH inside MULTI is not allowed");
    return;
  }
  // If a watched key has been touched, EXEC will fail anyway.
  if (!c.client.dirty_cas) {
    for (size_t i = 1; i < c.argc(); ++i) c.server.Watch(c.client, c.db, c.args[i]);
  }
  c.reply.Ok();
}

void Unwatch(CommandContext& c) {
  c.server.UnwatchAll(c.client);
  c.client.dirty_cas = false;
  c.reply.Ok();
}

constexpr uint32_t kAnyTime = kNoScript | kLoading | kStale | kFast | kAllowBusy;

constexpr CommandSpec kTransactionCommands[] = {
    {.name = "discard",
     .arity = 1,
     .flags = kAnyTime,
     .group = CommandGroup::kTransactions,
     .since = "2.0.0",
     .summary = "Forget the queued commands",
     .syntax = "",
     .reply = "ok",
     .handler = Discard,
     .traits = {.role = CommandRole::kDiscard, .bits = kRunsInMulti}},
    {.name = "exec",
     .arity = 1,
     .flags = kNoScript | kLoading | kStale | kSkipSlowlog,
     .group = CommandGroup::kTransactions,
     .since = "1.2.0",
     .summary = "Run the queued commands",
     .syntax = "",
     .reply = "array<any>|nullarray",
     .handler = Exec,
     .traits = {.role = CommandRole::kExec, .bits = kRunsInMulti}},
    {.name = "multi",
     .arity = 1,
     .flags = kAnyTime,
     .group = CommandGroup::kTransactions,
     .since = "1.2.0",
     .summary = "Begin to queue commands",
     .syntax = "",
     .reply = "ok",
     .handler = Multi,
     .traits = {.role = CommandRole::kMulti, .bits = kRunsInMulti}},
    {.name = "unwatch",
     .arity = 1,
     .flags = kAnyTime,
     .group = CommandGroup::kTransactions,
     .since = "2.2.0",
     .summary = "Forget the watched keys",
     .syntax = "",
     .reply = "ok",
     .handler = Unwatch,
     .traits = {.role = CommandRole::kUnwatch}},
    {.name = "watch",
     .arity = -2,
     .flags = kAnyTime,
     .keys = Keys(1, -1).Uses(kLooksAt),
     .group = CommandGroup::kTransactions,
     .since = "2.2.0",
     .summary = "Watch keys: EXEC fails if one of them changes",
     .syntax = "key [key ...]",
     .reply = "ok",
     .handler = Watch,
     .traits = {.role = CommandRole::kWatch, .bits = kRunsInMulti}},
};

}  // namespace

std::span<const CommandSpec> TransactionCommands() { return kTransactionCommands; }

}  // namespace resprobe
