// CLIENT (redis 7.0 networking.c, tracking.c).

#include "core/commands/client_info.h"
#include "core/server/server.h"
#include "core/server/wait.h"
#include "core/table/command.h"
#include "core/table/groups.h"

namespace resprobe {
namespace {

void ClientId(CommandContext& c) { c.reply.Integer(static_cast<int64_t>(c.client.id)); }

void ClientGetName(CommandContext& c) {
  if (c.client.name.empty()) {
    c.reply.NullBulk();
  } else {
    c.reply.BulkString(c.client.name);
  }
}

void ClientSetName(CommandContext& c) {
  if (SetClientName(c, c.args[2])) c.reply.Ok();
}

void ClientReply(CommandContext& c) {
  Client& client = c.client;
  if (c.Is(2, "ON")) {
    client.reply_off = client.reply_skip = false;
    c.reply = c.server.ReplyWriter(client);
    c.reply.Ok();
  } else if (c.Is(2, "OFF")) {
    client.reply_off = true;
    c.reply = c.server.ReplyWriter(client);
  } else if (c.Is(2, "SKIP")) {
    if (!client.reply_off) client.reply_skip_next = true;
  } else {
    c.SyntaxError();
  }
}

// Valkey 8.0: the library's name and version appear only in CLIENT LIST.
void ClientSetInfo(CommandContext& c) {
  if (!c.Is(2, "LIB-NAME") && !c.Is(2, "LIB-VER")) {
    c.ErrorAbout("ERR Unrecognized option '", c.args[2], "'");
    return;
  }
  for (const char byte : c.args[3]) {
    if (byte == '\0') break;
    if (byte >= '!' && byte <= '~') continue;
    c.ErrorAbout("ERR ", c.args[2], " cannot contain spaces, newlines or special characters.");
    return;
  }
  c.reply.Ok();
}

// Valkey 8.0 accepts any words, and recognizes "redirect" among them.
void ClientCapa(CommandContext& c) { c.reply.Ok(); }

// The core does not evict clients, like a server without maxmemory-clients.
void ClientNoEvict(CommandContext& c) {
  if (c.Is(2, "ON") || c.Is(2, "OFF")) {
    c.reply.Ok();
  } else {
    c.SyntaxError();
  }
}

void ClientNoTouch(CommandContext& c) {
  if (c.Is(2, "ON") || c.Is(2, "OFF")) {
    c.client.no_touch = c.Is(2, "ON");
    c.reply.Ok();
  } else {
    c.SyntaxError();
  }
}

void ClientPause(CommandContext& c) {
  bool all = true;
  if (c.argc() > 4) {
    c.UnknownSubcommandOrArity();
    return;
  }
  if (c.argc() == 4) {
    all = c.Is(3, "ALL");
    if (!all && !c.Is(3, "WRITE")) {
      c.Error("ERR CLIENT PAUSE mode must be WRITE or ALL");
      return;
    }
  }
  int64_t until;
  if (!ParseTimeout(c, 2, TimeoutUnit::kMilliseconds, &until)) return;
  c.server.Pause(until, all);
  c.reply.Ok();
}

void ClientUnpause(CommandContext& c) {
  c.server.Unpause();
  c.reply.Ok();
}

// Connections have no addresses here, so a filter by address matches none.
struct KillFilter {
  bool by_address = false;
  int64_t id = 0;
  ClientType type = ClientType::kAny;
  bool skip_me = true;

  bool Matches(const Client& client, const Client& me) const {
    if (by_address || !IsOfType(client, type)) return false;
    if (id != 0 && client.id != static_cast<uint64_t>(id)) return false;
    return !(skip_me && &client == &me);
  }
};

bool ParseKillFilter(CommandContext& c, KillFilter* filter) {
  for (size_t i = 2; i < c.argc(); i += 2) {
    if (i + 1 >= c.argc()) return c.SyntaxError();
    if (c.Is(i, "ID")) {
      if (!c.IntBetween(i + 1, 1, INT64_MAX, &filter->id,
                        "ERR client-id should be greater than 0")) {
        return false;
      }
    } else if (c.Is(i, "TYPE")) {
      if (!ParseClientType(c, i + 1, &filter->type)) return false;
    } else if (c.Is(i, "ADDR") || c.Is(i, "LADDR")) {
      filter->by_address = true;
    } else if (c.Is(i, "USER")) {
      if (c.args[i + 1] != "default") {
        return c.ErrorAbout("ERR No such user '", c.args[i + 1], "'");
      }
    } else if (c.Is(i, "SKIPME")) {
      if (!c.Is(i + 1, "YES") && !c.Is(i + 1, "NO")) return c.SyntaxError();
      filter->skip_me = c.Is(i + 1, "YES");
    } else {
      return c.SyntaxError();
    }
  }
  return true;
}

void ClientKill(CommandContext& c) {
  if (c.argc() == 3) {  // the old form: one address
    c.Error("ERR No such client");
    return;
  }
  KillFilter filter;
  if (!ParseKillFilter(c, &filter)) return;
  int64_t killed = 0;
  bool me = false;
  // Kill() removes the client from the list.
  for (size_t i = 0; i < c.server.active_clients().size();) {
    Client& client = *c.server.active_clients()[i];
    if (!filter.Matches(client, c.client)) {
      ++i;
      continue;
    }
    ++killed;
    if (&client == &c.client) {
      me = true;
      ++i;
    } else {
      c.server.Kill(client);
    }
  }
  c.reply.Integer(killed);
  if (me) c.server.CloseAfterReply(c.client);
}

void ClientUnblock(CommandContext& c) {
  if (c.argc() > 4) {
    c.UnknownSubcommandOrArity();
    return;
  }
  bool with_error = false;
  if (c.argc() == 4) {
    with_error = c.Is(3, "ERROR");
    if (!with_error && !c.Is(3, "TIMEOUT")) {
      c.Error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
      return;
    }
  }
  int64_t id;
  if (!c.Int(2, &id)) return;
  Client* client = c.server.FindOpenClient(static_cast<uint64_t>(id));
  c.reply.Integer(client != nullptr && c.server.Unblock(*client, with_error));
}

// The arguments of CLIENT TRACKING. The prefixes are in CommandContext::views.
struct TrackingRequest {
  TrackingMode mode;
  int64_t redirect = 0;
};

bool ParseTracking(CommandContext& c, TrackingRequest* request) {
  c.views.clear();
  for (size_t i = 3; i < c.argc(); ++i) {
    const bool more = i + 1 < c.argc();
    if (c.Is(i, "REDIRECT") && more) {
      ++i;
      if (request->redirect != 0) {
        return c.Error("ERR A client can only redirect to a single other client");
      }
      if (!c.Int(i, &request->redirect)) return false;
      if (c.server.FindOpenClient(static_cast<uint64_t>(request->redirect)) == nullptr) {
        return c.Error("ERR The client ID you want redirect to does not exist");
      }
    } else if (c.Is(i, "BCAST")) {
      request->mode.bcast = true;
    } else if (c.Is(i, "OPTIN")) {
      request->mode.optin = true;
    } else if (c.Is(i, "OPTOUT")) {
      request->mode.optout = true;
    } else if (c.Is(i, "NOLOOP")) {
      request->mode.noloop = true;
    } else if (c.Is(i, "PREFIX") && more) {
      c.views.push_back(c.args[++i]);
    } else {
      return c.SyntaxError();
    }
  }
  return true;
}

bool CheckTrackingMode(CommandContext& c, const TrackingMode& mode) {
  const Client& client = c.client;
  const TrackingMode& old = client.tracking_mode;
  if (!mode.bcast && !c.views.empty()) {
    return c.Error("ERR PREFIX option requires BCAST mode to be enabled");
  }
  if (client.tracking && mode.bcast != old.bcast) {
    return c.Error(
        "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and "
        "then re-enabling it with a different mode.");
  }
  if (mode.bcast && (mode.optin || mode.optout)) {
    return c.Error("ERR OPTIN and OPTOUT are not compatible with BCAST");
  }
  if (mode.optin && mode.optout) {
    return c.Error("ERR You can't specify both OPTIN mode and OPTOUT mode");
  }
  if ((mode.optin && old.optout) || (mode.optout && old.optin)) {
    return c.Error(
        "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and "
        "then re-enabling it with a different mode.");
  }
  return true;
}

bool Overlap(std::string_view a, std::string_view b) {
  return a.starts_with(b) || b.starts_with(a);
}

bool PrefixError(CommandContext& c, std::string_view prefix, std::string_view what,
                 std::string_view other) {
  // The servers print them as C strings.
  std::string& text = c.scratch;
  text.assign("ERR Prefix '").append(prefix.substr(0, prefix.find('\0')));
  text.append("' overlaps with ").append(what).append(" prefix '");
  text.append(other.substr(0, other.find('\0')));
  text.append("'. Prefixes for a single client must not overlap.");
  return c.Error(text);
}

// False if the command ends with the error reply. If the second or a later prefix overlaps with one
// after it, redis 7.0.15 and valkey 8.0.1 reply with the error, continue, and reply OK as well:
// their check returns the prefix's index, where 0 means failure.
bool CheckPrefixes(CommandContext& c) {
  const size_t count = c.views.size();
  for (size_t i = 0; i < count; ++i) {
    const std::string_view prefix = c.views[i];
    for (const PrefixTable::Prefix& own : c.server.prefix_table().prefixes()) {
      if (Overlap(own.text, prefix) && c.server.prefix_table().Listens(own.text, c.client.id)) {
        return PrefixError(c, prefix, "an existing", own.text);
      }
    }
    for (size_t j = i + 1; j < count; ++j) {
      if (!Overlap(prefix, c.views[j])) continue;
      PrefixError(c, prefix, "another provided", c.views[j]);
      return i > 0;
    }
  }
  return true;
}

void ClientTracking(CommandContext& c) {
  TrackingRequest request;
  if (!ParseTracking(c, &request)) return;
  if (c.Is(2, "ON")) {
    if (!CheckTrackingMode(c, request.mode)) return;
    if (request.mode.bcast && !CheckPrefixes(c)) return;
    c.server.EnableTracking(c.client, request.mode, static_cast<uint64_t>(request.redirect),
                            c.views);
  } else if (c.Is(2, "OFF")) {
    c.server.DisableTracking(c.client);
  } else {
    c.SyntaxError();
    return;
  }
  c.reply.Ok();
}

void ClientCaching(CommandContext& c) {
  Client& client = c.client;
  if (!client.tracking) {
    c.Error(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
        "OPTOUT mode enabled");
  } else if (c.Is(2, "YES")) {
    if (!client.tracking_mode.optin) {
      c.Error("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.");
      return;
    }
    client.caching = true;
    c.reply.Ok();
  } else if (c.Is(2, "NO")) {
    if (!client.tracking_mode.optout) {
      c.Error("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
      return;
    }
    client.caching = true;
    c.reply.Ok();
  } else {
    c.SyntaxError();
  }
}

int64_t Redirection(const Client& client) {
  return client.tracking ? static_cast<int64_t>(client.redirect) : -1;
}

void ClientGetRedir(CommandContext& c) { c.reply.Integer(Redirection(c.client)); }

void ClientTrackingInfo(CommandContext& c) {
  const Client& client = c.client;
  const TrackingMode& mode = client.tracking_mode;
  c.views.clear();
  c.views.push_back(client.tracking ? "on" : "off");
  if (mode.bcast) c.views.push_back("bcast");
  if (mode.optin) {
    c.views.push_back("optin");
    if (client.caching) c.views.push_back("caching-yes");
  }
  if (mode.optout) {
    c.views.push_back("optout");
    if (client.caching) c.views.push_back("caching-no");
  }
  if (mode.noloop) c.views.push_back("noloop");
  if (client.broken_redirect) c.views.push_back("broken_redirect");
  c.reply.MapHeader(3);
  c.reply.BulkString("flags");
  c.reply.SetHeader(c.views.size());
  for (const std::string_view flag : c.views) c.reply.BulkString(flag);
  c.reply.BulkString("redirect");
  c.reply.Integer(Redirection(client));
  c.reply.BulkString("prefixes");
  c.server.prefix_table().PrefixesOf(client.id, &c.views);
  c.reply.ArrayHeader(c.views.size());
  for (const std::string_view prefix : c.views) c.reply.BulkString(prefix);
}

constexpr uint32_t kAlways = kNoScript | kLoading | kStale;

constexpr CommandSpec kClientSubcommands[] = {
    {.name = "caching",
     .arity = 3,
     .flags = kAlways,
     .group = CommandGroup::kConnection,
     .since = "6.0.0",
     .summary = "Say whether the keys of the next command are tracked",
     .syntax = "<YES | NO>",
     .reply = "ok",
     .handler = ClientCaching},
    {.name = "capa",
     .arity = -3,
     .flags = kAlways,
     .group = CommandGroup::kConnection,
     .since = "8.0.0",
     .summary = "Say what the client can do",
     .syntax = "string [string ...]",
     .reply = "ok",
     .handler = ClientCapa,
     .later = true},
    {.name = "getname",
     .arity = 2,
     .flags = kAlways,
     .group = CommandGroup::kConnection,
     .since = "2.6.9",
     .summary = "The name of the connection",
     .syntax = "",
     .reply = "bulk|null",
     .handler = ClientGetName},
    {.name = "getredir",
     .arity = 2,
     .flags = kAlways,
     .group = CommandGroup::kConnection,
     .since = "6.0.0",
     .summary = "Where invalidations are redirected to: 0 nowhere, -1 no tracking",
     .syntax = "",
     .reply = "int(-1..)",
     .handler = ClientGetRedir,
     .traits = {.freedom = ReplyFreedom::kMasked}},
    {.name = "help",
     .arity = 2,
     .flags = kLoading | kStale,
     .group = CommandGroup::kConnection,
     .since = "5.0.0",
     .summary = "The subcommands of CLIENT",
     .syntax = "",
     .reply = "array<status>",
     .handler = ContainerHelp,
     .traits = {.freedom = ReplyFreedom::kMasked}},
    {.name = "id",
     .arity = 2,
     .flags = kAlways,
     .group = CommandGroup::kConnection,
     .since = "5.0.0",
     .summary = "The id of the connection",
     .syntax = "",
     .reply = "int(1..)",
     .handler = ClientId,
     .traits = {.freedom = ReplyFreedom::kMasked}},
    {.name = "info",
     .arity = 2,
     .flags = kAlways | kRandomOutput,
     .group = CommandGroup::kConnection,
     .since = "6.2.0",
     .summary = "A line on the connection",
     .syntax = "",
     .reply = "verbatim",
     .handler = ClientInfo,
     .traits = {.freedom = ReplyFreedom::kMasked}},
    {.name = "kill",
     .arity = -3,
     .flags = kAdmin | kAlways,
     .group = CommandGroup::kConnection,
     .since = "2.4.0",
     .summary = "Close connections",
     .syntax = "[ID client-id] [TYPE <NORMAL | PUBSUB>] [SKIPME <YES | NO>]",
     .reply = "int(0..)|ok",
     .handler = ClientKill,
     .traits = {.role = CommandRole::kKillClient, .bits = kRare, .id_after = "ID"}},
    {.name = "list",
     .arity = -2,
     .flags = kAdmin | kAlways | kRandomOutput,
     .group = CommandGroup::kConnection,
     .since = "2.4.0",
     .summary = "A line on each connection",
     .syntax = "[TYPE <NORMAL | PUBSUB> | ID client-id [client-id ...]]",
     .reply = "verbatim",
     .handler = ClientList,
     .traits = {.freedom = ReplyFreedom::kMasked}},
    {.name = "no-evict",
     .arity = 3,
     .flags = kAdmin | kAlways,
     .group = CommandGroup::kConnection,
     .since = "7.0.0",
     .summary = "Keep the connection from being evicted",
     .syntax = "<ON | OFF>",
     .reply = "ok",
     .handler = ClientNoEvict},
    {.name = "no-touch",
     .arity = 3,
     .flags = kAlways,
     .group = CommandGroup::kConnection,
     .since = "7.2.0",
     .summary = "Read keys without being their last user",
     .syntax = "<ON | OFF>",
     .reply = "ok",
     .handler = ClientNoTouch,
     .later = true},
    {.name = "pause",
     .arity = -3,
     .flags = kAdmin | kAlways,
     .group = CommandGroup::kConnection,
     .since = "2.9.50",
     .summary = "Begin no more commands for a time",
     .syntax = "milliseconds [WRITE | ALL]",
     .reply = "ok",
     .handler = ClientPause,
     .traits = {.role = CommandRole::kPauseClients, .bits = kRare}},
    {.name = "reply",
     .arity = 3,
     .flags = kAlways,
     .group = CommandGroup::kConnection,
     .since = "3.2.0",
     .summary = "Say whether the server replies to commands",
     .syntax = "<ON | OFF | SKIP>",
     .reply = "ok|none",
     .handler = ClientReply,
     .traits = {.role = CommandRole::kReplyMode, .bits = kRare}},
    {.name = "setinfo",
     .arity = 4,
     .flags = kAlways | kToAllNodes | kFromAllSucceeded,
     .group = CommandGroup::kConnection,
     .since = "7.2.0",
     .summary = "Name the client's library",
     .syntax = "<LIB-NAME | LIB-VER> string",
     .reply = "ok",
     .handler = ClientSetInfo,
     .later = true},
    {.name = "setname",
     .arity = 3,
     .flags = kAlways,
     .group = CommandGroup::kConnection,
     .since = "2.6.9",
     .summary = "Name the connection",
     .syntax = "string",
     .reply = "ok",
     .handler = ClientSetName},
    {.name = "tracking",
     .arity = -3,
     .flags = kAlways,
     .group = CommandGroup::kConnection,
     .since = "6.0.0",
     .summary = "Switch the tracking of keys for a caching client on or off",
     .syntax = "<ON | OFF> [BCAST] [OPTIN | OPTOUT] [NOLOOP]",
     .reply = "ok",
     .handler = ClientTracking,
     .traits = {.role = CommandRole::kTracking, .id_after = "REDIRECT"}},
    {.name = "trackinginfo",
     .arity = 2,
     .flags = kAlways,
     .group = CommandGroup::kConnection,
     .since = "6.2.0",
     .summary = "The connection's tracking state",
     .syntax = "",
     .reply = "map<bulk,set<bulk>|int|array<bulk>>",
     .handler = ClientTrackingInfo,
     .traits = {.freedom = ReplyFreedom::kHello}},
    {.name = "unblock",
     .arity = -3,
     .flags = kAdmin | kAlways,
     .group = CommandGroup::kConnection,
     .since = "5.0.0",
     .summary = "End the waiting of a client",
     .syntax = "client-id [TIMEOUT | ERROR]",
     .reply = "int(0..1)",
     .handler = ClientUnblock,
     .traits = {.role = CommandRole::kUnblockClient, .id_after = "UNBLOCK"}},
    {.name = "unpause",
     .arity = 2,
     .flags = kAdmin | kAlways,
     .group = CommandGroup::kConnection,
     .since = "6.2.0",
     .summary = "End what CLIENT PAUSE began",
     .syntax = "",
     .reply = "ok",
     .handler = ClientUnpause},
};

constexpr CommandSpec kClientCommands[] = {
    {.name = "client",
     .arity = -2,
     .group = CommandGroup::kConnection,
     .since = "2.4.0",
     .summary = "Commands on connections",
     .traits = {.bits = kKeepsCaching},
     .subcommands = kClientSubcommands},
};

}  // namespace

std::span<const CommandSpec> ClientCommands() { return kClientCommands; }

}  // namespace resprobe
