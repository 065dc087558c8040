// The server group (redis 7.0 db.c, server.c), and COMMAND, which shows the table.

#include "core/commands/command.h"
#include "core/commands/glob.h"
#include "core/commands/groups.h"
#include "core/commands/table.h"
#include "core/server/server.h"

namespace resprobe {
namespace {

void DbSize(CommandContext& c) { c.reply.Integer(static_cast<int64_t>(c.keyspace.KeyCount(c.db))); }

// SYNC and ASYNC differ only in who frees the memory.
bool ParseFlushOptions(CommandContext& c) {
  return c.argc() == 1 || (c.argc() == 2 && (c.Is(1, "SYNC") || c.Is(1, "ASYNC"))) ||
         c.SyntaxError();
}

void FlushDb(CommandContext& c) {
  if (!ParseFlushOptions(c)) return;
  c.keyspace.Flush(c.db);
  c.reply.Ok();
}

void FlushAll(CommandContext& c) {
  if (!ParseFlushOptions(c)) return;
  c.keyspace.Flush(-1);
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
  c.reply.Ok();
}

void Time(CommandContext& c) {
  const int64_t now = c.keyspace.now_ms();
  c.reply.ArrayHeader(2);
  c.reply.BulkInteger(now / 1000);
  c.reply.BulkInteger(now % 1000 * 1000);
}

// --- COMMAND

struct FlagName {
  uint32_t flag;
  std::string_view name;
};

constexpr FlagName kFlagNames[] = {
    {kWrite, "write"},
    {kReadonly, "readonly"},
    {kDenyOom, "denyoom"},
    {kAdmin, "admin"},
    {kPubSub, "pubsub"},
    {kNoScript, "noscript"},
    {kBlocking, "blocking"},
    {kLoading, "loading"},
    {kStale, "stale"},
    {kSkipMonitor, "skip_monitor"},
    {kSkipSlowlog, "skip_slowlog"},
    {kAsking, "asking"},
    {kFast, "fast"},
    {kNoAuth, "no_auth"},
    {kNoMandatoryKeys, "no_mandatory_keys"},
    {kNoAsyncLoading, "no_async_loading"},
    {kNoMulti, "no_multi"},
    {kMovableKeys, "movablekeys"},
    {kAllowBusy, "allow_busy"},
};

// "get", or "client|id".
const Command* FindByFullName(std::string_view name, Profile profile) {
  const size_t bar = name.find('|');
  const Command* command = FindCommand(name.substr(0, bar), profile);
  if (command == nullptr || bar == std::string_view::npos) return command;
  return FindSubcommand(*command, name.substr(bar + 1));
}

// The first, last and step of COMMAND INFO. Of keys that a number counts only a destination shows.
KeySpec LegacyRange(const KeySpec& keys) {
  if (keys.kind == KeySpec::Kind::kRange || keys.kind == KeySpec::Kind::kChannels) return keys;
  if (keys.kind == KeySpec::Kind::kKeyAndStore) return OneKey();
  if (keys.kind == KeySpec::Kind::kNumKeys && keys.last != 0) return Keys(keys.last, keys.last);
  return {};
}

// As the server's, with the last three lists, which the table does not hold, empty: ACL
// categories, tips, key specifications.
void ReplyInfo(CommandContext& c, const Command* command) {
  if (command == nullptr) {
    c.reply.NullBulk();
    return;
  }
  size_t flags = 0;
  for (const FlagName& flag : kFlagNames) flags += command->Has(flag.flag);
  const KeySpec range = LegacyRange(command->spec->keys);
  c.reply.ArrayHeader(10);
  c.reply.BulkString(command->full_name());
  c.reply.Integer(command->spec->arity);
  c.reply.SetHeader(flags);
  for (const FlagName& flag : kFlagNames) {
    if (command->Has(flag.flag)) c.reply.SimpleString(flag.name);
  }
  c.reply.Integer(range.first);
  c.reply.Integer(range.last);
  c.reply.Integer(range.step);
  for (int i = 0; i < 3; ++i) c.reply.SetHeader(0);
  c.reply.SetHeader(command->subcommands.size());
  for (const Command& sub : command->subcommands) ReplyInfo(c, &sub);
}

// Summary, since, group and subcommands: what the table holds of the server's COMMAND DOCS.
void ReplyDocs(CommandContext& c, const Command& command) {
  c.reply.BulkString(command.full_name());
  c.reply.MapHeader(command.subcommands.empty() ? 3 : 4);
  c.reply.BulkString("summary");
  c.reply.BulkString(command.spec->summary);
  c.reply.BulkString("since");
  c.reply.BulkString(command.spec->since);
  c.reply.BulkString("group");
  c.reply.BulkString(CommandGroupName(command.spec->group));
  if (!command.subcommands.empty()) {
    c.reply.BulkString("subcommands");
    c.reply.MapHeader(command.subcommands.size());
    for (const Command& sub : command.subcommands) ReplyDocs(c, sub);
  }
}

void CommandAll(CommandContext& c) {
  c.reply.ArrayHeader(Commands(c.profile).size());
  for (const Command& command : Commands(c.profile)) ReplyInfo(c, &command);
}

void CommandCount(CommandContext& c) {
  c.reply.Integer(static_cast<int64_t>(Commands(c.profile).size()));
}

void CommandInfo(CommandContext& c) {
  if (c.argc() == 2) {
    CommandAll(c);
    return;
  }
  c.reply.ArrayHeader(c.argc() - 2);
  for (size_t i = 2; i < c.argc(); ++i) ReplyInfo(c, FindByFullName(c.args[i], c.profile));
}

void CommandDocs(CommandContext& c) {
  if (c.argc() == 2) {
    c.reply.MapHeader(Commands(c.profile).size());
    for (const Command& command : Commands(c.profile)) ReplyDocs(c, command);
    return;
  }
  size_t found = 0;
  for (size_t i = 2; i < c.argc(); ++i) found += FindByFullName(c.args[i], c.profile) != nullptr;
  c.reply.MapHeader(found);
  for (size_t i = 2; i < c.argc(); ++i) {
    const Command* command = FindByFullName(c.args[i], c.profile);
    if (command != nullptr) ReplyDocs(c, *command);
  }
}

// All names, subcommands too. Nothing comes from a module; categories the table does not hold.
void CommandList(CommandContext& c) {
  enum { kAll, kPattern, kNone } filter = kAll;
  if (c.argc() == 5 && c.Is(2, "FILTERBY") && c.Is(3, "PATTERN")) {
    filter = kPattern;
  } else if (c.argc() == 5 && c.Is(2, "FILTERBY") && (c.Is(3, "MODULE") || c.Is(3, "ACLCAT"))) {
    filter = kNone;
  } else if (c.argc() != 2) {
    c.SyntaxError();
    return;
  }
  std::string& pattern = c.scratch;
  pattern.assign(filter == kPattern ? c.args[4] : std::string_view());
  for (char& byte : pattern) {
    if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte | 0x20);
  }
  c.views.clear();
  const auto add = [&](const Command& command) {
    if (filter == kAll || (filter == kPattern && GlobMatch(pattern, command.full_name()))) {
      c.views.push_back(command.full_name());
    }
  };
  for (const Command& command : Commands(c.profile)) {
    add(command);
    for (const Command& sub : command.subcommands) add(sub);
  }
  c.reply.ArrayHeader(c.views.size());
  for (const std::string_view name : c.views) c.reply.BulkString(name);
}

void CommandGetKeys(CommandContext& c) {
  const auto args = c.args.subspan(2);
  const Command* command = FindCommand(args[0], c.profile);
  if (command != nullptr && !command->subcommands.empty() && args.size() > 1) {
    command = FindSubcommand(*command, args[1]);
  }
  if (command == nullptr) {
    c.Error("ERR Invalid command specified");
    return;
  }
  if (command->spec->keys.kind == KeySpec::Kind::kNone ||
      command->spec->keys.kind == KeySpec::Kind::kChannels) {
    c.Error("ERR The command has no key arguments");
    return;
  }
  if (!command->ArityFits(args.size())) {
    c.Error("ERR Invalid number of arguments specified for command");
    return;
  }
  c.positions.clear();
  if (!KeyPositions(*command, args, c.positions)) {
    c.Error("ERR Invalid arguments specified for command");
    return;
  }
  c.reply.ArrayHeader(c.positions.size());
  for (const int i : c.positions) c.reply.BulkString(args[static_cast<size_t>(i)]);
}

constexpr uint32_t kTableFlags = kLoading | kStale;

constexpr CommandSpec kCommandSubcommands[] = {
    {.name = "count",
     .arity = 2,
     .flags = kTableFlags,
     .group = CommandGroup::kServer,
     .since = "2.8.13",
     .summary = "How many commands there are",
     .syntax = "",
     .reply = "int(1..)",
     .handler = CommandCount},
    {.name = "docs",
     .arity = -2,
     .flags = kTableFlags,
     .group = CommandGroup::kServer,
     .since = "7.0.0",
     .summary = "What commands are for",
     .syntax = "[string ...]",
     .reply = "map<bulk,map<bulk,any>>",
     .handler = CommandDocs},
    {.name = "getkeys",
     .arity = -4,
     .flags = kTableFlags,
     .group = CommandGroup::kServer,
     .since = "2.8.13",
     .summary = "The keys of a command with its arguments",
     .syntax = "string string [string ...]",
     .reply = "array<bulk>",
     .handler = CommandGetKeys},
    {.name = "info",
     .arity = -2,
     .flags = kTableFlags,
     .group = CommandGroup::kServer,
     .since = "2.8.13",
     .summary = "The table's entries",
     .syntax = "[string ...]",
     .reply = "array<tuple<bulk,int,set<status>,int,int,int,set<status>,set<bulk>,set<any>,"
              "set<any>>|null>",
     .handler = CommandInfo},
    {.name = "list",
     .arity = -2,
     .flags = kTableFlags,
     .group = CommandGroup::kServer,
     .since = "7.0.0",
     .summary = "The names of commands",
     .syntax = "[FILTERBY <PATTERN pattern | MODULE string>]",
     .reply = "array<bulk>",
     .handler = CommandList},
};

constexpr CommandSpec kServerCommands[] = {
    {.name = "command",
     .arity = -1,
     .flags = kTableFlags,
     .group = CommandGroup::kServer,
     .since = "2.8.13",
     .summary = "The whole table of commands",
     .syntax = "",
     .reply = "array<tuple<bulk,int,set<status>,int,int,int,set<status>,set<bulk>,set<any>,"
              "set<any>>>",
     .handler = CommandAll,
     .subcommands = kCommandSubcommands},
    {.name = "dbsize",
     .arity = 1,
     .flags = kReadonly | kFast,
     .group = CommandGroup::kServer,
     .since = "1.0.0",
     .summary = "How many keys the database holds",
     .syntax = "",
     .reply = "int(0..)",
     .handler = DbSize},
    {.name = "flushall",
     .arity = -1,
     .flags = kWrite,
     .group = CommandGroup::kServer,
     .since = "1.0.0",
     .summary = "Delete all keys of all databases",
     .syntax = "[ASYNC | SYNC]",
     .reply = "ok",
     .handler = FlushAll},
    {.name = "flushdb",
     .arity = -1,
     .flags = kWrite,
     .group = CommandGroup::kServer,
     .since = "1.0.0",
     .summary = "Delete all keys of the database",
     .syntax = "[ASYNC | SYNC]",
     .reply = "ok",
     .handler = FlushDb},
    {.name = "swapdb",
     .arity = 3,
     .flags = kWrite | kFast,
     .group = CommandGroup::kServer,
     .since = "4.0.0",
     .summary = "Exchange two databases",
     .syntax = "db db",
     .reply = "ok",
     .handler = SwapDb},
    {.name = "time",
     .arity = 1,
     .flags = kLoading | kStale | kFast,
     .group = CommandGroup::kServer,
     .since = "2.6.0",
     .summary = "The server's clock: seconds and microseconds",
     .syntax = "",
     .reply = "tuple<bulk(int),bulk(int)>",
     .handler = Time},
};

}  // namespace

std::span<const CommandSpec> ServerCommands() { return kServerCommands; }

}  // namespace resprobe
