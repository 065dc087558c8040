// Replication (redis 7.0 replication.c).

#include <string>

#include "core/server/server.h"
#include "core/table/command.h"
#include "core/table/groups.h"

namespace resprobe {
namespace {

constexpr int64_t kMaxPort = 65535;
// The core does not see addresses.
constexpr std::string_view kUnknownAddress = "?";

// Servers without a host are not part of a system of servers.
bool HasHost(CommandContext& c) {
  return c.server.host() != nullptr ||
         c.Error("ERR replication is not available: this server knows no other server");
}

void ReplicaOf(CommandContext& c) {
  if (!HasHost(c)) return;
  if (c.Is(1, "NO") && c.Is(2, "ONE")) {
    c.server.link().Leave();
    return c.reply.Ok();
  }
  if (c.client.replica) {
    c.Error("ERR Command is not valid when client is a replica.");
    return;
  }
  int64_t port;
  if (!c.IntBetween(2, 0, kMaxPort, &port, "ERR Invalid master port")) return;
  if (!c.server.host()->dials()) {
    c.Error("ERR this server opens no connections, so it cannot follow another one");
    return;
  }
  if (c.server.link().follows(c.args[1], static_cast<int>(port))) {
    return c.reply.SimpleString("OK Already connected to specified master");
  }
  c.server.link().Follow(c.args[1], static_cast<int>(port));
  c.reply.Ok();
}

// A stream can begin where the replica's own ends: at its next byte.
void PSync(CommandContext& c) {
  if (!HasHost(c) || c.client.replica) return;
  int64_t offset;
  if (!c.Int(2, &offset)) return;
  if (c.server.link().follows() && !c.server.link().streams()) {
    c.Error("NOMASTERLINK Can't SYNC while not connected with my master");
    return;
  }
  c.server.AddReplica(c.client, c.args[1], offset);
}

void ReplConf(CommandContext& c) {
  if (!HasHost(c)) return;
  if (c.argc() % 2 == 0) {
    c.SyntaxError();
    return;
  }
  for (size_t i = 1; i < c.argc(); i += 2) {
    int64_t number;
    if (c.Is(i, "LISTENING-PORT")) {
      if (!c.Int32(i + 1, &number)) return;
      c.client.replica_port = static_cast<int>(number);
    } else if (c.Is(i, "CAPA") || c.Is(i, "IP-ADDRESS") || c.Is(i, "VERSION") ||
               c.Is(i, "RDB-ONLY")) {
      // What a replica can do makes no difference here: its connection is all that is used.
    } else if (c.Is(i, "ACK")) {
      // Not answered.
      if (!c.client.replica || !ParseInt64(c.args[i + 1], &number)) return;
      int64_t durable;
      if (i == 1 && c.argc() > 4 && c.Is(3, "FACK") && ParseInt64(c.args[4], &durable) &&
          durable >= 0) {
        c.server.AcknowledgedDurable(c.client, static_cast<uint64_t>(durable));
      }
      if (number >= 0) c.server.Acknowledged(c.client, static_cast<uint64_t>(number));
      return;
    } else if (c.Is(i, "GETACK")) {
      // Of the primary. Not answered otherwise.
      if (c.client.primary) c.server.link().Acknowledge();
      return;
    } else {
      c.ErrorAbout("ERR Unrecognized REPLCONF option: ", c.args[i]);
      return;
    }
  }
  c.reply.Ok();
}

void Role(CommandContext& c) {
  const Server& server = c.server;
  const ReplicaLink& link = server.link();
  const auto offset = static_cast<int64_t>(server.source().offset());
  if (link.follows()) {
    c.reply.ArrayHeader(5);
    c.reply.BulkString("slave");
    c.reply.BulkString(link.host());
    c.reply.Integer(link.port());
    c.reply.BulkString(link.StateName());
    c.reply.Integer(link.streams() ? offset : -1);
    return;
  }
  c.reply.ArrayHeader(3);
  c.reply.BulkString("master");
  c.reply.Integer(offset);
  c.reply.ArrayHeader(server.source().replicas().size());
  for (const ReplicationSource::Replica& replica : server.source().replicas()) {
    c.reply.ArrayHeader(3);
    c.reply.BulkString(kUnknownAddress);
    c.reply.BulkInteger(replica.client->replica_port);
    c.reply.BulkInteger(static_cast<int64_t>(replica.acknowledged));
  }
}

constexpr CommandGroup kGroup = CommandGroup::kServer;
constexpr uint32_t kControl = kAdmin | kNoScript;

constexpr CommandSpec kReplicationCommands[] = {
    {.name = "psync",
     .arity = -3,
     .flags = kControl | kNoMulti | kNoAsyncLoading,
     .group = kGroup,
     .since = "2.8.0",
     .summary = "Get the stream of changes, as a replica",
     .syntax = "string offset",
     .reply = "any",
     .handler = PSync,
     .traits = {.bits = kNotCompared}},
    {.name = "replconf",
     .arity = -1,
     .flags = kControl | kLoading | kStale | kAllowBusy,
     .group = kGroup,
     .since = "3.0.0",
     .summary = "What a replica and its primary tell each other",
     .syntax = "[string string ...]",
     .reply = "ok",
     .handler = ReplConf,
     .traits = {.bits = kNotCompared}},
    {.name = "replicaof",
     .arity = 3,
     .flags = kControl | kStale | kNoAsyncLoading,
     .group = kGroup,
     .since = "5.0.0",
     .summary = "Follow another server, or none",
     .syntax = "<string integer | NO ONE>",
     .reply = "ok|status(OK Already connected to specified master)",
     .handler = ReplicaOf,
     .traits = {.bits = kNotCompared}},
    {.name = "role",
     .arity = 1,
     .flags = kNoScript | kLoading | kStale | kFast,
     .group = kGroup,
     .since = "2.8.12",
     .summary = "Whether the server is a primary or a replica",
     .syntax = "",
     .reply = "array<any>",
     .handler = Role,
     .traits = {.bits = kNotCompared}},
    {.name = "slaveof",
     .arity = 3,
     .flags = kControl | kStale | kNoAsyncLoading,
     .group = kGroup,
     .since = "1.0.0",
     .summary = "REPLICAOF by its old name",
     .syntax = "<string integer | NO ONE>",
     .reply = "ok|status(OK Already connected to specified master)",
     .handler = ReplicaOf,
     .traits = {.bits = kNotCompared}},
};

}  // namespace

std::span<const CommandSpec> ReplicationCommands() { return kReplicationCommands; }

}  // namespace resprobe
