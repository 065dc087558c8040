// Connections (redis 7.0 networking.c, server.c, acl.c); CLIENT is in client_commands.cc.

#include <string>
#include <string_view>

#include "core/commands/client_info.h"
#include "core/resp/writer.h"
#include "core/server/server.h"
#include "core/table/command.h"
#include "core/table/groups.h"

namespace resprobe {
namespace {

void Ping(CommandContext& c) {
  if (c.argc() > 2) {
    c.WrongArity();
  } else if (c.client.subscribed && c.protocol() == 2) {
    c.reply.ArrayHeader(2);
    c.reply.BulkString("pong");
    c.reply.BulkString(c.argc() == 1 ? std::string_view() : c.args[1]);
  } else if (c.argc() == 1) {
    c.reply.SimpleString("PONG");
  } else {
    c.reply.BulkString(c.args[1]);
  }
}

void Echo(CommandContext& c) { c.reply.BulkString(c.args[1]); }

void Select(CommandContext& c) {
  int64_t db;
  if (!c.Int32(1, &db)) return;
  if (db < 0 || db >= c.keyspace.databases()) {
    c.Error(errors::kDbOutOfRange);
    return;
  }
  c.client.db = static_cast<int>(db);
  c.reply.Ok();
}

// Only the user "default" exists, and it needs no password.
bool Authenticate(CommandContext& c, std::string_view user) {
  if (user == "default") return true;
  if (c.traits().auth_error_needs_silence && c.server.OwesReply(c.client)) return false;
  return c.Error("WRONGPASS invalid username-password pair or user is disabled.");
}

void Auth(CommandContext& c) {
  if (c.argc() > 3) {
    c.SyntaxError();
  } else if (c.argc() == 2) {
    c.Error(
        "ERR AUTH <password> called without any password configured for the default user. Are "
        "you sure your configuration is correct?");
  } else if (Authenticate(c, c.args[1])) {
    c.reply.Ok();
  }
}

// The parts of HELLO's reply that all connections have in common. Every connection begins with
// this reply, so they are encoded once.
struct HelloTexts {
  explicit HelloTexts(Profile profile) {
    const ProfileTraits& traits = TraitsOf(profile);
    const std::string_view server[] = {"server", traits.server, "version", traits.version, "proto"};
    resp::Writer(&who).BulkStrings(server);
    for (const bool is_replica : {false, true}) {
      const std::string_view rest[] = {"mode", "standalone", "role",
                                       is_replica ? "replica" : "master", "modules"};
      resp::Writer writer(is_replica ? &replica : &primary);
      writer.BulkStrings(rest);
      writer.ArrayHeader(0);
    }
  }

  std::string who;      // up to "proto"
  std::string primary;  // from "mode"
  std::string replica;
};

const HelloTexts& HelloTextsOf(Profile profile) {
  static const HelloTexts* const texts[kProfileCount] = {new HelloTexts(Profile::kRedis70),
                                                         new HelloTexts(Profile::kValkey80)};
  return *texts[static_cast<size_t>(profile)];
}

void Hello(CommandContext& c) {
  int64_t version = 0;
  if (c.argc() >= 2) {
    if (!c.Int(1, &version, "ERR Protocol version is not an integer or out of range")) return;
    if (version < 2 || version > 3) {
      c.Error("NOPROTO unsupported protocol version");
      return;
    }
  }
  const bool at_once = !c.traits().hello_all_or_nothing;
  std::string_view user = "default";
  const std::string_view* name = nullptr;
  for (size_t i = 2; i < c.argc(); ++i) {
    const size_t more = c.argc() - 1 - i;
    if (c.Is(i, "AUTH") && more >= 2) {
      user = c.args[i + 1];
      if (at_once && !Authenticate(c, user)) return;
      i += 2;
    } else if (c.Is(i, "SETNAME") && more >= 1) {
      name = &c.args[i + 1];
      if (!(at_once ? SetClientName(c, *name) : CheckClientName(c, *name))) return;
      i += 1;
    } else {
      c.ErrorAbout("ERR Syntax error in HELLO option '", c.args[i], "'");
      return;
    }
  }
  if (!at_once && (!Authenticate(c, user) || (name != nullptr && !SetClientName(c, *name)))) return;
  if (version != 0) {
    c.client.protocol = static_cast<int>(version);
    c.reply.set_protocol(c.client.protocol);
  }
  const HelloTexts& texts = HelloTextsOf(c.profile);
  c.reply.MapHeader(7);
  c.reply.out()->append(texts.who);
  c.reply.Integer(c.client.protocol);
  c.reply.BulkString("id");
  c.reply.Integer(static_cast<int64_t>(c.client.id));
  c.reply.out()->append(c.server.replica() ? texts.replica : texts.primary);
}

void Quit(CommandContext& c) {
  c.reply.Ok();
  c.server.CloseAfterReply(c.client);
}

void ResetConnection(CommandContext& c) {
  c.server.ResetConnection(c.client);
  c.reply = c.server.ReplyWriter(c.client);
  c.reply.SimpleString("RESET");
}

constexpr uint32_t kHandshake = kNoScript | kLoading | kStale | kFast | kNoAuth | kAllowBusy;

constexpr CommandSpec kConnectionCommands[] = {
    {.name = "auth",
     .arity = -2,
     .flags = kHandshake,
     .group = CommandGroup::kConnection,
     .since = "1.0.0",
     .summary = "Authenticate",
     .syntax = "[string] string",
     .reply = "ok",
     .handler = Auth,
     .traits = {.role = CommandRole::kAuth}},
    {.name = "echo",
     .arity = 2,
     .flags = kLoading | kStale | kFast,
     .group = CommandGroup::kConnection,
     .since = "1.0.0",
     .summary = "Give the message back",
     .syntax = "message",
     .reply = "bulk",
     .handler = Echo,
     .traits = {.role = CommandRole::kEcho}},
    {.name = "hello",
     .arity = -1,
     .flags = kHandshake,
     .group = CommandGroup::kConnection,
     .since = "6.0.0",
     .summary = "Greet the server and select the protocol",
     .syntax = "[<2 | 3> [AUTH string string] [SETNAME string]]",
     .reply = "map<bulk,any>",
     .handler = Hello,
     .traits = {.role = CommandRole::kHello, .freedom = ReplyFreedom::kHello}},
    {.name = "ping",
     .arity = -1,
     .flags = kFast | kToAllShards | kFromAllSucceeded,
     .group = CommandGroup::kConnection,
     .since = "1.0.0",
     .summary = "Test the connection",
     .syntax = "[message]",
     .reply = "status(PONG)|bulk|tuple<bulk,bulk>",
     .handler = Ping,
     .traits = {.bits = kRunsSubscribed | kReportsRefusal}},
    {.name = "quit",
     .arity = -1,
     .flags = kHandshake,
     .group = CommandGroup::kConnection,
     .since = "1.0.0",
     .summary = "Close the connection",
     .syntax = "",
     .reply = "ok",
     .handler = Quit,
     .traits = {.role = CommandRole::kQuit, .bits = kRunsInMulti | kRunsSubscribed | kRare}},
    {.name = "reset",
     .arity = 1,
     .flags = kHandshake,
     .group = CommandGroup::kConnection,
     .since = "6.2.0",
     .summary = "Bring the connection back to its first state",
     .syntax = "",
     .reply = "status(RESET)",
     .handler = ResetConnection,
     .traits = {.role = CommandRole::kReset, .bits = kRunsInMulti | kRunsSubscribed | kRare}},
    {.name = "select",
     .arity = 2,
     .flags = kLoading | kStale | kFast,
     .group = CommandGroup::kConnection,
     .since = "1.0.0",
     .summary = "Change the connection's database",
     .syntax = "db",
     .reply = "ok",
     .handler = Select,
     .traits = {.bits = kOtherDatabase | kRare}},
};

}  // namespace

std::span<const CommandSpec> ConnectionCommands() { return kConnectionCommands; }

}  // namespace resprobe
