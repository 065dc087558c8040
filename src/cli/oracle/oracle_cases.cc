#include "cli/oracle/oracle_cases.h"

#include <algorithm>
#include <set>

#include "core/table/command.h"
#include "core/table/table.h"
#include "engine/fields.h"
#include "runner/user_error.h"
#include "worlds/command/command_generate.h"
#include "worlds/command/reply_model.h"

namespace resprobe::cli {

namespace {

// The command table omits REDIRECT and PREFIX from the syntax of CLIENT TRACKING, since no model
// can follow a stream after them (docs/findings/redis-tracking-framing.md). Two servers can still
// be compared, so some calls get them here.
void AddTargets(Gen& gen, Arena* arena, CommandCase* c) {
  constexpr std::string_view kIds[] = {"1", "2", "3", "4", "5", "99"};
  constexpr std::string_view kPrefixes[] = {"", "s", "s0", "l", "k", "z1", "h"};
  const auto pick = [&](std::span<const std::string_view> words) {
    return words[gen.rng().Below(words.size())];
  };
  for (CommandWorld::Op& op : c->ops) {
    Args* args = nullptr;
    if (auto* call = std::get_if<CommandWorld::Call>(&op)) args = &call->args;
    if (auto* queue = std::get_if<CommandWorld::Queue>(&op)) args = &queue->args;
    if (args == nullptr || args->words.size() < 3 || args->words.size() > 6) continue;
    if (!CommandContext::IsWord(args->words[0], "CLIENT") ||
        !CommandContext::IsWord(args->words[1], "TRACKING") || gen.rng().OneIn(2)) {
      continue;
    }
    std::vector<std::string_view> words(args->words.begin(), args->words.end());
    if (gen.rng().OneIn(2)) words.insert(words.end(), {"REDIRECT", pick(kIds)});
    if (gen.rng().OneIn(2)) words.push_back("BCAST");
    for (uint64_t i = gen.rng().Below(3); i > 0; --i) {
      words.insert(words.end(), {"PREFIX", pick(kPrefixes)});
    }
    const std::span<std::string_view> copy = arena->Words(words.size());
    std::copy(words.begin(), words.end(), copy.begin());
    args->words = copy;
  }
}

}  // namespace

void CheckCaseOptions(const CaseOptions& options) {
  std::set<std::string> groups;
  std::set<std::string> names;
  for (uint8_t i = 0; !ProfileName(static_cast<Profile>(i)).empty(); ++i) {
    for (const Command& command : Commands(static_cast<Profile>(i))) {
      groups.insert(std::string(CommandGroupName(command.spec->group)));
      names.insert(std::string(command.full_name()));
      for (const Command& subcommand : command.subcommands) {
        names.insert(std::string(subcommand.full_name()));
      }
    }
  }
  for (const std::string& group : options.groups) {
    if (groups.contains(group)) continue;
    std::string all;
    for (const std::string& name : groups) all += (all.empty() ? "" : ", ") + name;
    throw runner::UserError("--groups: there is no group '" + group + "': use some of " + all);
  }
  for (const auto& [option, list] :
       {std::pair("--commands", &options.commands), std::pair("--without", &options.without)}) {
    for (const std::string& name : *list) {
      if (names.contains(name)) continue;
      throw runner::UserError(std::string(option) + ": the core has no command '" + name +
                              "': conformance.md lists them (a subcommand is client|id)");
    }
  }
}

OracleCases::OracleCases(const runner::Project& project, const CaseOptions& options,
                         const live::ServerSurvey& survey, Profile profile)
    : options_(options),
      survey_(survey),
      profile_(profile),
      restricted_(!options.groups.empty() || !options.commands.empty() ||
                  !options.without.empty() || !survey.redis()),
      choice_([this](const Command& command) { return Wanted(command); }),
      cases_(project, options.seed,
             [this](uint64_t seed, Arena* arena, CommandCase* c) { Generate(seed, arena, c); }) {
  if (choice_.empty()) {
    throw runner::UserError(
        "no command is left to compare: the server has none of those that the options permit");
  }
}

bool OracleCases::Wanted(const Command& command) const {
  const auto among = [&](const std::vector<std::string>& list) {
    return std::ranges::any_of(list, [&](const std::string& name) {
      return command.full_name() == name ||
             (command.parent != nullptr && command.parent->full_name() == name);
    });
  };
  if (!options_.commands.empty() && !among(options_.commands)) return false;
  if (among(options_.without)) return false;
  if (!options_.groups.empty() &&
      std::ranges::find(options_.groups, CommandGroupName(command.spec->group)) ==
          options_.groups.end()) {
    return false;
  }
  if (survey_.redis()) return true;
  // Of another profile.
  const Command* own = FindCommand(
      command.parent == nullptr ? command.full_name() : command.parent->full_name(), profile_);
  if (own != nullptr && command.parent != nullptr) own = FindSubcommand(*own, command.name());
  return own != nullptr && survey_.Has(command.full_name());
}

const CommandCase& OracleCases::Next() {
  CommandCase& c = cases_.Next();
  Restrict(&c);
  return c;
}

void OracleCases::Generate(uint64_t seed, Arena* arena, CommandCase* c) const {
  Gen gen(seed, arena);
  if (options_.ops == 0) {
    resprobe::Generate(seed, arena, c);
  } else {
    const KindWeights<CommandWorld> weights(gen);
    c->config = {};
    VisitFields(c->config, gen);
    c->ops.clear();
    for (size_t i = 0; i < options_.ops; ++i) GenerateOp(gen, weights, c->ops.emplace_back());
  }
  AddTargets(gen, arena, c);
}

// Replaces what the options exclude, or removes it.
void OracleCases::Restrict(CommandCase* c) {
  if (options_.protocol == "2") c->config.protocol3.value = 0;
  if (options_.protocol == "3") c->config.protocol3.value = 0xff;
  if (!survey_.resp3()) c->config.protocol3.value = 0;
  if (!restricted_) return;
  Gen gen(cases_.number(), &cases_.arena());
  const auto fits = [&](std::span<const std::string_view> words) {
    const Command* command = words.empty() ? nullptr : ReplyModel::Find(words, profile_);
    return command != nullptr && Wanted(*command) &&
           survey_.Lacks(*command, {words.begin(), words.end()}).empty();
  };
  std::erase_if(c->ops, [&](CommandWorld::Op& op) {
    Args* args = nullptr;
    if (auto* call = std::get_if<CommandWorld::Call>(&op)) args = &call->args;
    if (auto* queue = std::get_if<CommandWorld::Queue>(&op)) args = &queue->args;
    if (args == nullptr) return std::holds_alternative<CommandWorld::Raw>(op);
    constexpr int kTries = 30;
    for (int i = 0; i < kTries && !fits(args->words); ++i) args->words = choice_.Generate(gen);
    return !fits(args->words);
  });
}

}  // namespace resprobe::cli
