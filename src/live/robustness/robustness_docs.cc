#include "live/robustness/robustness_docs.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <utility>

#include "core/table/letter_case.h"
#include "core/table/table.h"
#include "live/net/resp_probe.h"

namespace resprobe::live {
namespace {

using resp::ReplyView;

// The pairs of a map, which RESP2 writes as an array.
template <class Visit>
void ForEachPair(const ReplyView& map, const Visit& visit) {
  auto at = map.begin();
  for (size_t i = 0; i + 1 < map.size(); i += 2) {
    const std::string_view key = (*at).text();
    ++at;
    visit(key, *at);
    ++at;
  }
}

// The value of a key in a map; not valid() if the key is missing.
ReplyView Get(const ReplyView& map, std::string_view key) {
  ReplyView found;
  ForEachPair(map, [&](std::string_view name, const ReplyView& value) {
    if (name == key) found = value;
  });
  return found;
}

std::string_view TextOf(const ReplyView& map, std::string_view key) {
  const ReplyView value = Get(map, key);
  return value.valid() ? value.text() : std::string_view();
}

bool HasWord(const ReplyView& list, std::string_view word) {
  return std::any_of(list.begin(), list.end(),
                     [&](const ReplyView& one) { return one.text() == word; });
}

DocArgument::Type TypeOf(std::string_view name) {
  using Type = DocArgument::Type;
  constexpr std::pair<std::string_view, Type> kTypes[] = {
      {"integer", Type::kInteger}, {"double", Type::kDouble},      {"key", Type::kKey},
      {"pattern", Type::kPattern}, {"unix-time", Type::kUnixTime}, {"pure-token", Type::kPureToken},
      {"oneof", Type::kOneOf},     {"block", Type::kBlock},
  };
  for (const auto& [known, type] : kTypes) {
    if (known == name) return type;
  }
  return Type::kString;
}

std::vector<DocArgument> ReadArguments(const ReplyView& list) {
  std::vector<DocArgument> arguments;
  if (!list.valid()) return arguments;
  for (const ReplyView one : list) {
    DocArgument& argument = arguments.emplace_back();
    argument.name = TextOf(one, "name");
    argument.type = TypeOf(TextOf(one, "type"));
    argument.token = TextOf(one, "token");
    if (const ReplyView flags = Get(one, "flags"); flags.valid()) {
      argument.optional = HasWord(flags, "optional");
      argument.multiple = HasWord(flags, "multiple");
      argument.multiple_token = HasWord(flags, "multiple_token");
    }
    argument.arguments = ReadArguments(Get(one, "arguments"));
  }
  return arguments;
}

// One element of COMMAND: name, arity, flags, first key, last key, step, categories, tips, key
// specifications, subcommands.
void ReadInfo(const ReplyView& info, std::map<std::string, DocCommand, std::less<>>* commands) {
  constexpr size_t kWithSpecs = 10;
  if (info.size() < 3) return;
  DocCommand& command = (*commands)[LowerCase(info[0].text())];
  command.least_words = static_cast<size_t>(std::llabs(info[1].integer()));
  command.blocking = HasWord(info[2], "blocking");
  if (info.size() < kWithSpecs) return;
  for (const ReplyView spec : info[8]) {
    const ReplyView begin = Get(spec, "begin_search");
    const ReplyView find = Get(spec, "find_keys");
    if (!begin.valid() || !find.valid()) continue;
    if (TextOf(find, "type") == "keynum") command.counted_keys = true;
    const ReplyView where = Get(begin, "spec");
    if (TextOf(begin, "type") == "index" && TextOf(find, "type") == "range" && where.valid()) {
      const ReplyView index = Get(where, "index");
      if (index.valid() && index.integer() > 0) {
        command.keys.push_back(static_cast<size_t>(index.integer()));
      }
    }
  }
  for (const ReplyView subcommand : info[9]) ReadInfo(subcommand, commands);
}

// Commands that are not compared count as not modelled.
bool IsModelled(const std::string& full_name, Profile profile) {
  const size_t bar = full_name.find('|');
  const Command* command = FindCommand(full_name.substr(0, bar), profile);
  if (command == nullptr || command->HasTrait(kNotCompared)) return false;
  if (bar == std::string::npos) return true;
  return FindSubcommand(*command, full_name.substr(bar + 1)) != nullptr;
}

}  // namespace

const DocCommand* DocTable::Find(std::string_view full_name) const {
  const auto at = std::lower_bound(
      commands.begin(), commands.end(), full_name,
      [](const DocCommand& command, std::string_view name) { return command.full_name < name; });
  return at == commands.end() || at->full_name != full_name ? nullptr : &*at;
}

std::optional<DocTable> AskForDocs(const LiveServer& target, Profile profile, std::string* error) {
  UniqueFd fd = target.Connect(error);
  if (!fd.valid()) return std::nullopt;
  RespProbe server(std::move(fd), target.hang_ms(), target.stop());
  std::map<std::string, DocCommand, std::less<>> commands;
  std::optional<ReplyView> reply = server.Ask("COMMAND");
  for (const ReplyView info : reply.value_or(ReplyView())) ReadInfo(info, &commands);

  reply = server.Ask("COMMAND DOCS");
  if (!reply || !reply->is_aggregate() || reply->size() == 0) {
    *error =
        "the server does not answer COMMAND DOCS, which --unmodelled reads: use one of redis "
        "7.0 or later, or of valkey";
    return std::nullopt;
  }
  DocTable table;
  const auto add = [&](std::string_view name, const ReplyView& docs) {
    DocCommand command;
    if (const auto info = commands.find(LowerCase(name)); info != commands.end()) {
      command = info->second;
    }
    command.full_name = LowerCase(name);
    const size_t bar = name.find('|');
    command.words.push_back(UpperCase(name.substr(0, bar)));
    if (bar != name.npos) command.words.push_back(UpperCase(name.substr(bar + 1)));
    command.group = TextOf(docs, "group");
    command.arguments = ReadArguments(Get(docs, "arguments"));
    command.modelled = IsModelled(command.full_name, profile);
    table.commands.push_back(std::move(command));
  };
  ForEachPair(*reply, [&](std::string_view name, const ReplyView& docs) {
    const ReplyView subcommands = Get(docs, "subcommands");
    if (subcommands.valid()) {
      ForEachPair(subcommands, add);
    } else {
      add(name, docs);
    }
  });
  std::sort(table.commands.begin(), table.commands.end(),
            [](const DocCommand& a, const DocCommand& b) { return a.full_name < b.full_name; });

  reply = server.Ask("CONFIG GET *");
  ForEachPair(reply.value_or(ReplyView()), [&](std::string_view name, const ReplyView&) {
    table.parameters.emplace_back(name);
  });
  std::sort(table.parameters.begin(), table.parameters.end());
  return table;
}

}  // namespace resprobe::live
