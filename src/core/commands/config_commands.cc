// CONFIG (redis 7.0 config.c): the settings that the core supports.

#include <algorithm>
#include <array>
#include <string>
#include <type_traits>
#include <utility>

#include "core/server/server.h"
#include "core/table/command.h"
#include "core/table/glob.h"
#include "core/table/groups.h"

namespace resprobe {
namespace {

// What CONFIG SET says about a value that does not fit; empty if it fits.
using Refusal = std::string_view;

struct Setting {
  std::string_view name;
  void (*get)(const ServerConfig& config, std::string* out);
  // Changes `config`, which is a copy of the server's. nullptr: read only. The server can change
  // proto-max-bulk-len, the core cannot.
  Refusal (*set)(ServerConfig& config, std::string_view value) = nullptr;
  // Only a server with files has it.
  bool of_files = false;
  Refusal read_only = "can't set immutable config";
};

// --- The kinds of settings. `kField` refers to a member of ServerConfig.

void AppendNumber(int64_t value, std::string* out) {
  char digits[kNumberBufferSize];
  out->append(FormatInt64(value, digits));
}

template <auto kField>
void GetNumber(const ServerConfig& config, std::string* out) {
  AppendNumber(static_cast<int64_t>(kField(config)), out);
}

template <auto kField>
Refusal SetNumber(ServerConfig& config, std::string_view text) {
  int64_t value;
  if (!ParseInt64(text, &value)) return "argument couldn't be parsed into an integer";
  if (value < 0) return "argument must be between 0 and 9223372036854775807 inclusive";
  using Field = std::remove_reference_t<decltype(kField(config))>;
  kField(config) = static_cast<Field>(value);
  return {};
}

template <auto kField>
void GetFlag(const ServerConfig& config, std::string* out) {
  out->append(kField(config) ? "yes" : "no");
}

template <auto kField>
Refusal SetFlag(ServerConfig& config, std::string_view text) {
  const bool yes = CommandContext::IsWord(text, "YES");
  if (!yes && !CommandContext::IsWord(text, "NO")) return "argument must be 'yes' or 'no'";
  kField(config) = yes;
  return {};
}

template <auto kField>
void GetText(const ServerConfig& config, std::string* out) {
  out->append(kField(config));
}

// A field of the configuration, const or not.
// NOLINTNEXTLINE(bugprone-macro-parentheses): the name of a member
#define RESPROBE_FIELD(member) [](auto& config) -> auto& { return config.member; }

void GetFsync(const ServerConfig& config, std::string* out) {
  out->append(AppendFsyncName(config.persistence.appendfsync));
}

Refusal SetFsync(ServerConfig& config, std::string_view text) {
  if (ParseAppendFsync(text, &config.persistence.appendfsync)) return {};
  return "argument(s) must be one of the following: everysec, always, no";
}

struct SanitizeName {
  SanitizeDump which;
  std::string_view name;
  std::string_view word;
};
constexpr SanitizeName kSanitizeNames[] = {{SanitizeDump::kNo, "no", "NO"},
                                           {SanitizeDump::kYes, "yes", "YES"},
                                           {SanitizeDump::kClients, "clients", "CLIENTS"}};

void GetSanitize(const ServerConfig& config, std::string* out) {
  for (const SanitizeName& known : kSanitizeNames) {
    if (known.which == config.persistence.sanitize_dump_payload) out->append(known.name);
  }
}

Refusal SetSanitize(ServerConfig& config, std::string_view text) {
  for (const SanitizeName& known : kSanitizeNames) {
    if (!CommandContext::IsWord(text, known.word)) continue;
    config.persistence.sanitize_dump_payload = known.which;
    return {};
  }
  return "argument(s) must be one of the following: no, yes, clients";
}

void GetSave(const ServerConfig& config, std::string* out) {
  for (const SavePoint& point : config.persistence.save) {
    if (!out->empty()) *out += ' ';
    AppendNumber(point.seconds, out);
    *out += ' ';
    AppendNumber(point.changes, out);
  }
}

Refusal SetSave(ServerConfig& config, std::string_view text) {
  if (ParseSavePoints(text, &config.persistence.save)) return {};
  return "Invalid save parameters";
}

template <auto kField>
constexpr Setting NumberOfFiles(std::string_view name) {
  return {.name = name, .get = GetNumber<kField>, .set = SetNumber<kField>, .of_files = true};
}
template <auto kField>
constexpr Setting FlagOfFiles(std::string_view name) {
  return {.name = name, .get = GetFlag<kField>, .set = SetFlag<kField>, .of_files = true};
}

constexpr Setting kSettings[] = {
    {.name = "databases", .get = GetNumber<RESPROBE_FIELD(databases)>},
    {.name = "proto-max-bulk-len", .get = GetNumber<RESPROBE_FIELD(max_bulk)>},
    {.name = "tracking-table-max-keys",
     .get = GetNumber<RESPROBE_FIELD(tracking_table_max_keys)>,
     .set = SetNumber<RESPROBE_FIELD(tracking_table_max_keys)>},
    {.name = "sanitize-dump-payload", .get = GetSanitize, .set = SetSanitize},
    FlagOfFiles<RESPROBE_FIELD(persistence.appendonly)>("appendonly"),
    {.name = "appendfsync", .get = GetFsync, .set = SetFsync, .of_files = true},
    FlagOfFiles<RESPROBE_FIELD(persistence.no_appendfsync_on_rewrite)>("no-appendfsync-on-rewrite"),
    FlagOfFiles<RESPROBE_FIELD(persistence.aof_load_truncated)>("aof-load-truncated"),
    FlagOfFiles<RESPROBE_FIELD(persistence.aof_use_rdb_preamble)>("aof-use-rdb-preamble"),
    FlagOfFiles<RESPROBE_FIELD(persistence.aof_timestamp_enabled)>("aof-timestamp-enabled"),
    NumberOfFiles<RESPROBE_FIELD(persistence.auto_aof_rewrite_percentage)>(
        "auto-aof-rewrite-percentage"),
    NumberOfFiles<RESPROBE_FIELD(persistence.auto_aof_rewrite_min_size)>(
        "auto-aof-rewrite-min-size"),
    {.name = "save", .get = GetSave, .set = SetSave, .of_files = true},
    FlagOfFiles<RESPROBE_FIELD(persistence.stop_writes_on_bgsave_error)>(
        "stop-writes-on-bgsave-error"),
    FlagOfFiles<RESPROBE_FIELD(persistence.rdb_compression)>("rdbcompression"),
    {.name = "rdbchecksum",
     .get = GetFlag<RESPROBE_FIELD(persistence.rdb_checksum)>,
     .of_files = true},
    {.name = "dbfilename",
     .get = GetText<RESPROBE_FIELD(persistence.db_filename)>,
     .of_files = true,
     .read_only = "can't set protected config"},
    {.name = "appendfilename",
     .get = [](const ServerConfig&, std::string* out) { out->append(AofManifest::kLogName); },
     .of_files = true},
    {.name = "appenddirname",
     .get = [](const ServerConfig&, std::string* out) { out->append(AofManifest::kDirectory); },
     .of_files = true},
};

#undef RESPROBE_FIELD

// Setting names are case-insensitive.
std::string_view Lower(std::string_view text, std::string* buffer) {
  buffer->assign(text);
  for (char& c : *buffer) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  return *buffer;
}

bool Has(CommandContext& c, const Setting& setting) {
  return !setting.of_files || c.server.files() != nullptr;
}

const Setting* FindSetting(CommandContext& c, std::string_view name) {
  const std::string_view lower = Lower(name, &c.scratch);
  const auto* found = std::find_if(std::begin(kSettings), std::end(kSettings),
                                   [&](const Setting& setting) { return setting.name == lower; });
  return found == std::end(kSettings) || !Has(c, *found) ? nullptr : found;
}

// The reply gives each setting's name as the request spelled it.
void ConfigGet(CommandContext& c) {
  std::array<std::string_view, std::size(kSettings)> names = {};
  size_t count = 0;
  for (size_t i = 2; i < c.argc(); ++i) {
    const bool is_pattern = c.args[i].find_first_of("[*?") != std::string_view::npos;
    const std::string_view pattern = Lower(c.args[i], &c.scratch);
    for (size_t j = 0; j < names.size(); ++j) {
      const std::string_view name = kSettings[j].name;
      if (!names[j].empty() || !(is_pattern ? GlobMatch(pattern, name) : pattern == name)) continue;
      if (!Has(c, kSettings[j])) continue;
      names[j] = is_pattern ? name : c.args[i];
      ++count;
    }
  }
  c.reply.MapHeader(count);
  for (size_t j = 0; j < names.size(); ++j) {
    if (names[j].empty()) continue;
    c.reply.BulkString(names[j]);
    c.scratch.clear();
    kSettings[j].get(c.server.config(), &c.scratch);
    c.reply.BulkString(c.scratch);
  }
}

bool Refuse(CommandContext& c, std::string_view name, std::string_view why) {
  std::string text = "ERR CONFIG SET failed (possibly related to argument '";
  text.append(name).append("') - ").append(why);
  return c.Error(text);
}

// Sets all of them, or none.
void ConfigSet(CommandContext& c) {
  if (c.argc() % 2 != 0) {
    c.SyntaxError();
    return;
  }
  std::array<const Setting*, std::size(kSettings)> changed = {};
  size_t count = 0;
  for (size_t i = 2; i < c.argc(); i += 2) {
    if (FindSetting(c, c.args[i]) == nullptr) {
      c.ErrorAbout("ERR Unknown option or number of arguments for CONFIG SET - '", c.args[i], "'");
      return;
    }
  }
  for (size_t i = 2; i < c.argc(); i += 2) {
    const Setting* setting = FindSetting(c, c.args[i]);
    if (setting->set == nullptr) {
      Refuse(c, c.args[i], setting->read_only);
      return;
    }
    if (std::find(changed.begin(), changed.begin() + count, setting) != changed.begin() + count) {
      Refuse(c, c.args[i], "duplicate parameter");
      return;
    }
    changed[count++] = setting;
  }
  ServerConfig config = c.server.config();
  for (size_t i = 0; i < count; ++i) {
    if (const Refusal why = changed[i]->set(config, c.args[3 + 2 * i]); !why.empty()) {
      Refuse(c, changed[i]->name, why);
      return;
    }
  }
  if (const std::string_view failed = c.server.Configure(config); !failed.empty()) {
    Refuse(c, failed, "Unable to turn on AOF. Check server logs.");
    return;
  }
  c.reply.Ok();
}

// The core has no statistics and no configuration file.
void ConfigResetStat(CommandContext& c) { c.reply.Ok(); }
void ConfigRewrite(CommandContext& c) {
  c.Error("ERR The server is running without a config file");
}

constexpr uint32_t kFlags = kAdmin | kNoScript | kLoading | kStale;
constexpr CommandGroup kGroup = CommandGroup::kServer;

constexpr CommandSpec kConfigSubcommands[] = {
    {.name = "get",
     .arity = -3,
     .flags = kFlags,
     .group = kGroup,
     .since = "2.0.0",
     .summary = "The settings that match",
     .syntax = "setting [setting ...]",
     .reply = "map<bulk,bulk>",
     .handler = ConfigGet,
     .traits = {.role = CommandRole::kConfigGet, .freedom = ReplyFreedom::kPairs}},
    {.name = "help",
     .arity = 2,
     .flags = kLoading | kStale,
     .group = kGroup,
     .since = "5.0.0",
     .summary = "The subcommands of CONFIG",
     .syntax = "",
     .reply = "array<status>",
     .handler = ContainerHelp,
     .traits = {.freedom = ReplyFreedom::kMasked}},
    {.name = "resetstat",
     .arity = 2,
     .flags = kFlags,
     .group = kGroup,
     .since = "2.0.0",
     .summary = "Forget the statistics",
     .syntax = "",
     .reply = "ok",
     .handler = ConfigResetStat},
    {.name = "rewrite",
     .arity = 2,
     .flags = kFlags,
     .group = kGroup,
     .since = "2.8.0",
     .summary = "Write the settings into the configuration file",
     .syntax = "",
     .reply = "ok",
     .handler = ConfigRewrite},
    {.name = "set",
     .arity = -4,
     .flags = kFlags | kToAllNodes | kFromAllSucceeded,
     .group = kGroup,
     .since = "2.0.0",
     .summary = "Change settings, all or none",
     .syntax = "setting value [setting value ...]",
     .reply = "ok",
     .handler = ConfigSet,
     .traits = {.role = CommandRole::kConfigSet, .bits = kRare}},
};

constexpr CommandSpec kConfigCommands[] = {
    {.name = "config",
     .arity = -2,
     .group = kGroup,
     .since = "2.0.0",
     .summary = "Commands on the server's settings",
     .subcommands = kConfigSubcommands},
};

}  // namespace

std::span<const CommandSpec> ConfigCommands() { return kConfigCommands; }

}  // namespace resprobe
