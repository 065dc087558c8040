// Snapshots and the append-only file (redis 7.0 rdb.c, aof.c, db.c shutdownCommand).

#include "core/server/server.h"
#include "core/server/wait.h"
#include "core/table/command.h"
#include "core/table/groups.h"

namespace resprobe {
namespace {

constexpr std::string_view kSaving = "ERR Background save already in progress";

bool HasFiles(CommandContext& c) {
  return c.server.files() != nullptr ||
         c.Error("ERR persistence is not available: this server has no files");
}

void Save(CommandContext& c) {
  if (!HasFiles(c)) return;
  Persistence& files = c.server.persistence();
  if (files.child() == Persistence::Child::kSave) {
    c.Error(kSaving);
  } else if (files.Save() == Persistence::Result::kDone) {
    c.reply.Ok();
  } else {
    c.Error("ERR");
  }
}

void BgSave(CommandContext& c) {
  const bool schedule = c.argc() == 2 && c.Is(1, "SCHEDULE");
  if (c.argc() > 1 && !schedule) {
    c.SyntaxError();
    return;
  }
  if (!HasFiles(c)) return;
  Persistence& files = c.server.persistence();
  if (files.child() == Persistence::Child::kSave) {
    c.Error(kSaving);
  } else if (c.server.in_exec() || (files.child() != Persistence::Child::kNone && schedule)) {
    files.ScheduleSave();
    c.reply.SimpleString("Background saving scheduled");
  } else if (files.child() != Persistence::Child::kNone) {
    c.Error(
        "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE "
        "in order to schedule a BGSAVE whenever possible.");
  } else {
    files.StartSave();
    c.reply.SimpleString("Background saving started");
  }
}

void BgRewriteAof(CommandContext& c) {
  if (!HasFiles(c)) return;
  Persistence& files = c.server.persistence();
  if (files.child() == Persistence::Child::kRewrite) {
    c.Error("ERR Background append only file rewriting already in progress");
  } else if (files.child() != Persistence::Child::kNone || c.server.in_exec()) {
    files.ScheduleRewrite();
    c.reply.SimpleString("Background append only file rewriting scheduled");
  } else if (files.StartRewrite() == Persistence::Result::kDone) {
    c.reply.SimpleString("Background append only file rewriting started");
  } else {
    c.Error(
        "ERR Can't execute an AOF background rewriting. Please check the server logs for more "
        "information.");
  }
}

void LastSave(CommandContext& c) {
  if (HasFiles(c)) c.reply.Integer(c.server.persistence().last_save_s());
}

// No replica is waited for, so that a shutdown is never in progress.
void Shutdown(CommandContext& c) {
  Persistence::Shutdown how;
  bool abort = false;
  for (size_t i = 1; i < c.argc(); ++i) {
    if (c.Is(i, "NOSAVE")) {
      how.nosave = true;
    } else if (c.Is(i, "SAVE")) {
      how.save = true;
    } else if (c.Is(i, "NOW")) {
      // It waits for nothing in any case.
    } else if (c.Is(i, "FORCE")) {
      how.force = true;
    } else if (c.Is(i, "ABORT")) {
      abort = true;
    } else {
      c.SyntaxError();
      return;
    }
  }
  if ((abort && c.argc() > 2) || (how.nosave && how.save)) {
    c.SyntaxError();
    return;
  }
  if (!HasFiles(c)) return;
  if (abort) {
    c.Error("ERR No shutdown in progress.");
    return;
  }
  if (!c.server.persistence().PrepareShutdown(how)) {
    c.Error("ERR Errors trying to SHUTDOWN. Check logs.");
    return;
  }
  c.server.Exit();
  c.server.CloseAfterReply(c.client);
}

// Replies whether what the client itself has written is durable here, and at how many replicas: at
// once if that is enough, otherwise when it is, or after the timeout (valkey 8.0 replication.c).
// Like valkey it may say so too early (docs/findings/valkey-waitaof-early.md).
void WaitForLog(CommandContext& c) {
  int64_t local;
  int64_t replicas;
  int64_t until;
  if (!c.Int(1, &local)) return;
  if (local < 0 || local > 1) {
    c.Error("ERR value is out of range, value must between 0 and 1");
    return;
  }
  if (!c.IntBetween(2, 0, INT64_MAX, &replicas, "ERR value is out of range, must be positive") ||
      !ParseTimeout(c, 3, TimeoutUnit::kMilliseconds, &until)) {
    return;
  }
  if (c.server.replica()) {
    c.Error(
        "ERR WAITAOF cannot be used with replica instances. Please also note that writes to "
        "replicas are just local and are not propagated.");
    return;
  }
  if (local != 0 && c.server.persistence().aof() == Persistence::Aof::kOff) {
    c.Error("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");
    return;
  }
  const Wait wait = {.until = until,
                     .nothing = Wait::Nothing::kDurable,
                     .replicas = replicas,
                     .offset = c.server.source().offset(),
                     .local = local != 0,
                     .mark = c.client.written_mark};
  if (c.server.IsDurable(wait)) return ReplyNothing(c.server, c.reply, wait);
  WaitOrReplyNothing(c, wait);
  if (c.client.blocked) c.server.source().AskForAcknowledgement();
}

constexpr CommandGroup kGroup = CommandGroup::kServer;

constexpr CommandSpec kPersistenceCommands[] = {
    {.name = "bgrewriteaof",
     .arity = 1,
     .flags = kAdmin | kNoScript | kNoAsyncLoading,
     .group = kGroup,
     .since = "1.0.0",
     .summary = "Rewrite the append-only file in the background",
     .syntax = "",
     .reply = "status",
     .handler = BgRewriteAof,
     .traits = {.bits = kNotCompared}},
    {.name = "bgsave",
     .arity = -1,
     .flags = kAdmin | kNoScript | kNoAsyncLoading,
     .group = kGroup,
     .since = "1.0.0",
     .summary = "Write a snapshot in the background",
     .syntax = "[SCHEDULE]",
     .reply = "status",
     .handler = BgSave,
     .traits = {.bits = kNotCompared}},
    {.name = "lastsave",
     .arity = 1,
     .flags = kLoading | kStale | kFast | kRandomOutput,
     .group = kGroup,
     .since = "1.0.0",
     .summary = "When the last snapshot was taken",
     .syntax = "",
     .reply = "int",
     .handler = LastSave,
     .traits = {.bits = kNotCompared}},
    {.name = "save",
     .arity = 1,
     .flags = kAdmin | kNoScript | kNoAsyncLoading | kNoMulti,
     .group = kGroup,
     .since = "1.0.0",
     .summary = "Write a snapshot",
     .syntax = "",
     .reply = "ok",
     .handler = Save,
     .traits = {.bits = kNotCompared}},
    {.name = "shutdown",
     .arity = -1,
     .flags = kAdmin | kNoScript | kLoading | kStale | kNoMulti | kAllowBusy,
     .group = kGroup,
     .since = "1.0.0",
     .summary = "End the server",
     .syntax = "[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]",
     .reply = "ok",
     .handler = Shutdown,
     .traits = {.bits = kNotCompared}},
    {.name = "waitaof",
     .arity = 4,
     .flags = kBlocking | kToAllShards | kFromMin,
     .group = CommandGroup::kGeneric,
     .since = "7.2.0",
     .summary = "Wait until the changes are durable",
     .syntax = "integer integer milliseconds",
     .reply = "tuple<int(0..1),int(0..)>",
     .handler = WaitForLog,
     .traits = {.time = {TimeArgument::Kind::kTimeout, 3}, .bits = kMayWait | kNotCompared},
     .later = true},
};

}  // namespace

std::span<const CommandSpec> PersistenceCommands() { return kPersistenceCommands; }

}  // namespace resprobe
