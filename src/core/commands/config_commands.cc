// CONFIG (redis 7.0 config.c): the settings that the core supports.

#include <algorithm>
#include <array>

#include "core/server/server.h"
#include "core/table/command.h"
#include "core/table/glob.h"
#include "core/table/groups.h"

namespace resprobe {
namespace {

struct Setting {
  std::string_view name;
  int64_t (*get)(const ServerConfig& config);
  // nullptr: read only. The server can change proto-max-bulk-len, the core cannot.
  void (*set)(ServerConfig& config, int64_t value);
};

constexpr Setting kSettings[] = {
    {.name = "databases",
     .get = [](const ServerConfig& config) -> int64_t { return config.databases; },
     .set = nullptr},
    {.name = "proto-max-bulk-len",
     .get = [](const ServerConfig& config) { return config.max_bulk; },
     .set = nullptr},
    {.name = "tracking-table-max-keys",
     .get =
         [](const ServerConfig& config) {
           return static_cast<int64_t>(config.tracking_table_max_keys);
         },
     .set = [](ServerConfig& config,
               int64_t value) { config.tracking_table_max_keys = static_cast<size_t>(value); }},
};

// Setting names are case-insensitive.
std::string_view Lower(std::string_view text, std::string* buffer) {
  buffer->assign(text);
  for (char& c : *buffer) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  return *buffer;
}

const Setting* FindSetting(CommandContext& c, std::string_view name) {
  const std::string_view lower = Lower(name, &c.scratch);
  const auto* found = std::find_if(std::begin(kSettings), std::end(kSettings),
                                   [&](const Setting& setting) { return setting.name == lower; });
  return found == std::end(kSettings) ? nullptr : found;
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
      names[j] = is_pattern ? name : c.args[i];
      ++count;
    }
  }
  c.reply.MapHeader(count);
  for (size_t j = 0; j < names.size(); ++j) {
    if (names[j].empty()) continue;
    c.reply.BulkString(names[j]);
    c.reply.BulkInteger(kSettings[j].get(c.server.config()));
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
      Refuse(c, c.args[i], "can't set immutable config");
      return;
    }
    if (std::find(changed.begin(), changed.begin() + count, setting) != changed.begin() + count) {
      Refuse(c, c.args[i], "duplicate parameter");
      return;
    }
    changed[count++] = setting;
  }
  std::array<int64_t, std::size(kSettings)> values = {};
  for (size_t i = 0; i < count; ++i) {
    if (!ParseInt64(c.args[3 + 2 * i], &values[i])) {
      Refuse(c, changed[i]->name, "argument couldn't be parsed into an integer");
      return;
    }
    if (values[i] < 0) {
      Refuse(c, changed[i]->name, "argument must be between 0 and 9223372036854775807 inclusive");
      return;
    }
  }
  for (size_t i = 0; i < count; ++i) changed[i]->set(c.server.settings(), values[i]);
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
