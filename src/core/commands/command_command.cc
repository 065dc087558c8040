// COMMAND, which reports the command table (redis 7.0 server.c).

#include "core/table/command.h"

#include <bit>

#include "core/commands/acl_categories.h"
#include "core/table/glob.h"
#include "core/table/groups.h"
#include "core/table/table.h"

namespace resprobe {

// Follows redis 7.0 networking.c addReplyHelp(); the texts come from the command table.
void ContainerHelp(CommandContext& c) {
  const Command& container = *c.command.parent;
  const auto upper = [&](std::string_view name) {
    for (const char byte : name) {
      c.scratch += byte >= 'a' && byte <= 'z' ? static_cast<char>(byte - 0x20) : byte;
    }
  };
  c.reply.ArrayHeader(1 + 2 * container.subcommands.size());
  c.scratch.clear();
  upper(container.name());
  c.scratch += " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:";
  c.reply.SimpleString(c.scratch);
  const auto describe = [&](const Command& sub) {
    c.scratch.clear();
    upper(sub.name());
    if (!sub.spec->syntax.empty()) c.scratch.append(" ").append(sub.spec->syntax);
    c.reply.SimpleString(c.scratch);
    c.scratch.assign("    ").append(sub.spec->summary).append(".");
    c.reply.SimpleString(c.scratch);
  };
  for (const Command& sub : container.subcommands) {
    if (&sub != &c.command) describe(sub);
  }
  describe(c.command);  // HELP comes last
}

namespace {

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

constexpr FlagName kTipNames[] = {
    {kRandomOutput, "nondeterministic_output"},
    {kRandomOrder, "nondeterministic_output_order"},
    {kToAllShards, "request_policy:all_shards"},
    {kToAllNodes, "request_policy:all_nodes"},
    {kToMultiShard, "request_policy:multi_shard"},
    {kToSpecial, "request_policy:special"},
    {kFromSpecial, "response_policy:special"},
    {kFromAllSucceeded, "response_policy:all_succeeded"},
    {kFromSum, "response_policy:agg_sum"},
    {kFromMin, "response_policy:agg_min"},
};

// The flags of each KeyUse, indexed by its value.
struct UseFlags {
  std::string_view flags[4];  // "" after the last
};
constexpr UseFlags kUseFlags[] = {
    {{}},                                            // kNoUse
    {{"RO", "access"}},                              // kReads
    {{"RO"}},                                        // kLooksAt
    {{"RW", "access", "update"}},                    // kReadsAndUpdates
    {{"RW", "update"}},                              // kUpdates
    {{"RW", "insert"}},                              // kAddsTo
    {{"RW", "access", "delete"}},                    // kTakesFrom
    {{"RW", "delete"}},                              // kDeletesFrom
    {{"OW", "update"}},                              // kOverwrites
    {{"OW", "insert"}},                              // kCreates
    {{"RM", "delete"}},                              // kRemoves
    {{"RW", "access", "update", "variable_flags"}},  // kVaries
    {{"not_key"}},                                   // kIsNoKey
};

void ReplyUse(CommandContext& c, KeyUse use) {
  const auto& flags = kUseFlags[use].flags;
  size_t count = 0;
  for (const std::string_view flag : flags) count += !flag.empty();
  c.reply.SetHeader(count);
  for (size_t i = 0; i < count; ++i) c.reply.SimpleString(flags[i]);
}

// "get", or "client|id".
const Command* FindByFullName(std::string_view name, Profile profile) {
  const size_t bar = name.find('|');
  const Command* command = FindCommand(name.substr(0, bar), profile);
  if (command == nullptr || bar == std::string_view::npos) return command;
  return FindSubcommand(*command, name.substr(bar + 1));
}

// The first, last and step of COMMAND INFO. For commands with a numkeys argument it shows only a
// destination.
KeySpec LegacyRange(const KeySpec& keys) {
  if (keys.kind == KeySpec::Kind::kRange || keys.kind == KeySpec::Kind::kChannels) return keys;
  if (keys.kind == KeySpec::Kind::kKeyAndStore || keys.kind == KeySpec::Kind::kKeyAndPatterns) {
    return OneKey();
  }
  if (keys.kind == KeySpec::Kind::kNumKeys && keys.last != 0) return Keys(keys.last, keys.last);
  return {};
}

// --- Key specifications: flags, how to find the first key, and how to find the others. The
// server's notes are omitted.

void ReplySearch(CommandContext& c, std::string_view what, std::string_view type, size_t fields) {
  c.reply.BulkString(what);
  c.reply.MapHeader(2);
  c.reply.BulkString("type");
  c.reply.BulkString(type);
  c.reply.BulkString("spec");
  c.reply.MapHeader(fields);
}

void ReplyField(CommandContext& c, std::string_view name, int value) {
  c.reply.BulkString(name);
  c.reply.Integer(value);
}

void BeginKeySpec(CommandContext& c, KeyUse use, int index) {
  c.reply.MapHeader(3);
  c.reply.BulkString("flags");
  ReplyUse(c, use);
  ReplySearch(c, "begin_search", "index", 1);
  ReplyField(c, "index", index);
}

// `last` is relative to the first key, or to the last argument if negative.
void ReplyKeyRange(CommandContext& c, KeyUse use, int first, int last, int step) {
  BeginKeySpec(c, use, first);
  ReplySearch(c, "find_keys", "range", 3);
  ReplyField(c, "lastkey", last);
  ReplyField(c, "keystep", step);
  ReplyField(c, "limit", 0);
}

void ReplyCountedKeys(CommandContext& c, KeyUse use, int count_at) {
  BeginKeySpec(c, use, count_at);
  ReplySearch(c, "find_keys", "keynum", 3);
  ReplyField(c, "keynumidx", 0);
  ReplyField(c, "firstkey", 1);
  ReplyField(c, "keystep", 1);
}

// Keys that only the command's own code can find.
void ReplyUnknownKeys(CommandContext& c, KeyUse use) {
  c.reply.MapHeader(3);
  c.reply.BulkString("flags");
  ReplyUse(c, use);
  ReplySearch(c, "begin_search", "unknown", 0);
  ReplySearch(c, "find_keys", "unknown", 0);
}

void ReplyKeySpecs(CommandContext& c, const KeySpec& keys) {
  using Kind = KeySpec::Kind;
  const bool two = keys.first_use != keys.rest_use;
  switch (keys.kind) {
    case Kind::kNone:
      c.reply.SetHeader(0);
      return;
    case Kind::kRange:
    case Kind::kChannels: {
      c.reply.SetHeader(two ? 2 : 1);
      const int first = keys.first + (two ? keys.step : 0);
      if (two) ReplyKeyRange(c, keys.first_use, keys.first, 0, 1);
      ReplyKeyRange(c, keys.rest_use, first, keys.last < 0 ? keys.last : keys.last - first,
                    keys.step);
      return;
    }
    case Kind::kNumKeys:
      c.reply.SetHeader(keys.last != 0 ? 2 : 1);
      if (keys.last != 0) ReplyKeyRange(c, keys.first_use, keys.last, 0, 1);
      ReplyCountedKeys(c, keys.rest_use, keys.first);
      return;
    case Kind::kKeyAndPatterns:
    case Kind::kKeyAndStore: {
      const bool stores = keys.kind == Kind::kKeyAndStore;
      c.reply.SetHeader(stores ? 3 : 2);
      ReplyKeyRange(c, keys.first_use, 1, 0, 1);
      ReplyUnknownKeys(c, keys.first_use);
      if (stores) ReplyUnknownKeys(c, keys.rest_use);
      return;
    }
  }
}

// The same fields as the server's.
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
  const uint32_t categories = AclCategoriesOf(*command);
  c.reply.SetHeader(static_cast<size_t>(std::popcount(categories)));
  for (int i = 0; i < kAclCategories; ++i) {
    const auto category = static_cast<AclCategory>(i);
    if (!IsInCategory(categories, category)) continue;
    c.scratch.assign("@").append(AclCategoryName(category));
    c.reply.SimpleString(c.scratch);
  }
  size_t tips = 0;
  for (const FlagName& tip : kTipNames) tips += command->Has(tip.flag);
  c.reply.SetHeader(tips);
  for (const FlagName& tip : kTipNames) {
    if (command->Has(tip.flag)) c.reply.BulkString(tip.name);
  }
  ReplyKeySpecs(c, command->spec->keys);
  // (redis 7.0 server.c addReplyCommandSubCommands)
  if (command->subcommands.empty()) return c.reply.SetHeader(0);
  c.reply.ArrayHeader(command->subcommands.size());
  for (const Command& sub : command->subcommands) ReplyInfo(c, &sub);
}

// Summary, since, group and subcommands: the part of the server's COMMAND DOCS that the table has.
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

// Lists all names, including subcommands. No command comes from a module.
void CommandList(CommandContext& c) {
  enum { kAll, kPattern, kCategory, kNone } filter = kAll;
  AclCategory category = {};
  if (c.argc() == 5 && c.Is(2, "FILTERBY") && c.Is(3, "PATTERN")) {
    filter = kPattern;
  } else if (c.argc() == 5 && c.Is(2, "FILTERBY") && c.Is(3, "ACLCAT")) {
    filter = ParseAclCategory(c.args[4], &category) ? kCategory : kNone;
  } else if (c.argc() == 5 && c.Is(2, "FILTERBY") && c.Is(3, "MODULE")) {
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
    if (filter == kAll || (filter == kPattern && GlobMatch(pattern, command.full_name())) ||
        (filter == kCategory && IsInCategory(AclCategoriesOf(command), category))) {
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

// --- GETKEYS, GETKEYSANDFLAGS

// Finds the command that the arguments call, and stores the positions of its keys in `positions`.
// nullptr after an error reply.
const Command* FindKeys(CommandContext& c, std::span<const std::string_view> args) {
  const Command* command = FindCommand(args[0], c.profile);
  if (command != nullptr && !command->subcommands.empty() && args.size() > 1) {
    command = FindSubcommand(*command, args[1]);
  }
  if (command == nullptr) {
    c.Error("ERR Invalid command specified");
    return nullptr;
  }
  if (command->spec->keys.kind == KeySpec::Kind::kNone ||
      command->spec->keys.kind == KeySpec::Kind::kChannels) {
    c.Error("ERR The command has no key arguments");
    return nullptr;
  }
  if (!command->ArityFits(args.size())) {
    c.Error("ERR Invalid number of arguments specified for command");
    return nullptr;
  }
  c.positions.clear();
  if (!KeyPositions(*command, args, c.positions)) {
    c.Error("ERR Invalid arguments specified for command");
    return nullptr;
  }
  return command;
}

void CommandGetKeys(CommandContext& c) {
  const auto args = c.args.subspan(2);
  if (FindKeys(c, args) == nullptr) return;
  c.reply.ArrayHeader(c.positions.size());
  for (const int i : c.positions) c.reply.BulkString(args[static_cast<size_t>(i)]);
}

// db.c setGetKeys: the old value is read only with GET.
KeyUse UseOfSet(std::span<const std::string_view> args) {
  for (size_t i = 3; i < args.size(); ++i) {
    if (CommandContext::IsWord(args[i], "GET")) return kReadsAndUpdates;
  }
  return kOverwrites;
}

// db.c bitfieldGetKeys: read-only if all operations are GET.
KeyUse UseOfBitField(std::span<const std::string_view> args) {
  for (size_t i = 2; i < args.size(); ++i) {
    const size_t more = args.size() - i - 1;
    if (CommandContext::IsWord(args[i], "GET") && more >= 2) {
      i += 2;
    } else if (CommandContext::IsWord(args[i], "OVERFLOW") && more >= 1) {
      i += 1;
    } else {
      return kReadsAndUpdates;
    }
  }
  return kReads;
}

void CommandGetKeysAndFlags(CommandContext& c) {
  const auto args = c.args.subspan(2);
  const Command* command = FindKeys(c, args);
  if (command == nullptr) return;
  const KeySpec& keys = command->spec->keys;
  c.reply.ArrayHeader(c.positions.size());
  bool first = true;
  for (const int i : c.positions) {
    KeyUse use = first ? keys.first_use : keys.rest_use;
    if (use == kVaries)
      use = command->HasTrait(kReadsWithGet) ? UseOfSet(args) : UseOfBitField(args);
    c.reply.ArrayHeader(2);
    c.reply.BulkString(args[static_cast<size_t>(i)]);
    ReplyUse(c, use);
    first = false;
  }
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
     .handler = CommandCount,
     .traits = {.freedom = ReplyFreedom::kMasked, .bits = kNamesCommands}},
    {.name = "docs",
     .arity = -2,
     .flags = kTableFlags | kRandomOrder,
     .group = CommandGroup::kServer,
     .since = "7.0.0",
     .summary = "What commands are for",
     .syntax = "[string ...]",
     .reply = "map<bulk,map<bulk,any>>",
     .handler = CommandDocs,
     .traits = {.freedom = ReplyFreedom::kMasked, .bits = kNamesCommands | kRare}},
    {.name = "getkeys",
     .arity = -4,
     .flags = kTableFlags,
     .group = CommandGroup::kServer,
     .since = "2.8.13",
     .summary = "The keys of a command with its arguments",
     .syntax = "string string [string ...]",
     .reply = "array<bulk>",
     .handler = CommandGetKeys,
     .traits = {.bits = kFindsKeys | kNamesCommands}},
    {.name = "getkeysandflags",
     .arity = -4,
     .flags = kTableFlags,
     .group = CommandGroup::kServer,
     .since = "7.0.0",
     .summary = "The keys of a command with its arguments, and what it does with them",
     .syntax = "string string [string ...]",
     .reply = "array<tuple<bulk,set<status>>>",
     .handler = CommandGetKeysAndFlags,
     .traits = {.bits = kFindsKeys | kNamesCommands}},
    {.name = "help",
     .arity = 2,
     .flags = kTableFlags,
     .group = CommandGroup::kServer,
     .since = "5.0.0",
     .summary = "The subcommands of COMMAND",
     .syntax = "",
     .reply = "array<status>",
     .handler = ContainerHelp,
     .traits = {.freedom = ReplyFreedom::kMasked, .bits = kNamesCommands}},
    {.name = "info",
     .arity = -2,
     .flags = kTableFlags | kRandomOrder,
     .group = CommandGroup::kServer,
     .since = "2.8.13",
     .summary = "The table's entries",
     .syntax = "[string ...]",
     .reply = "array<tuple<bulk,int,set<status>,int,int,int,set<status>,set<bulk>,set<any>,"
              "any>|null>",
     .handler = CommandInfo,
     .traits = {.freedom = ReplyFreedom::kMasked, .bits = kNamesCommands | kRare}},
    {.name = "list",
     .arity = -2,
     .flags = kTableFlags | kRandomOrder,
     .group = CommandGroup::kServer,
     .since = "7.0.0",
     .summary = "The names of commands",
     .syntax = "[FILTERBY <PATTERN pattern | MODULE string | ACLCAT string>]",
     .reply = "array<bulk>",
     .handler = CommandList,
     .traits = {.freedom = ReplyFreedom::kMasked, .bits = kNamesCommands | kRare}},
};

constexpr CommandSpec kTable[] = {
    {.name = "command",
     .arity = -1,
     .flags = kTableFlags | kRandomOrder,
     .group = CommandGroup::kServer,
     .since = "2.8.13",
     .summary = "The whole table of commands",
     .syntax = "",
     .reply = "array<tuple<bulk,int,set<status>,int,int,int,set<status>,set<bulk>,set<any>,"
              "any>>",
     .handler = CommandAll,
     .traits = {.freedom = ReplyFreedom::kMasked, .bits = kRare},
     .subcommands = kCommandSubcommands},
};

}  // namespace

std::span<const CommandSpec> TableCommands() { return kTable; }

}  // namespace resprobe
