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

OracleCases::OracleCases(const runner::Project& project, const CaseOptions& options)
    : options_(options),
      cases_(project, options.seed,
             [this](uint64_t seed, Arena* arena, CommandCase* c) { Generate(seed, arena, c); }) {
  std::set<std::string> known;
  for (const Command& command : Commands()) {
    known.insert(std::string(CommandGroupName(command.spec->group)));
  }
  for (const std::string& group : options.groups) {
    if (known.contains(group)) continue;
    std::string all;
    for (const std::string& name : known) all += (all.empty() ? "" : ", ") + name;
    throw runner::UserError("--groups: there is no group '" + group + "': use some of " + all);
  }
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
  if (options_.groups.empty()) return;
  Gen gen(cases_.number(), &cases_.arena());
  const auto wanted = [&](std::span<const std::string_view> words) {
    const Command* command = words.empty() ? nullptr : ReplyModel::Find(words);
    return command != nullptr &&
           std::find(options_.groups.begin(), options_.groups.end(),
                     CommandGroupName(command->spec->group)) != options_.groups.end();
  };
  std::erase_if(c->ops, [&](CommandWorld::Op& op) {
    Args* args = nullptr;
    if (auto* call = std::get_if<CommandWorld::Call>(&op)) args = &call->args;
    if (auto* queue = std::get_if<CommandWorld::Queue>(&op)) args = &queue->args;
    if (args == nullptr) return std::holds_alternative<CommandWorld::Raw>(op);
    for (int i = 0; i < 30 && !wanted(args->words); ++i) args->words = GenerateCommand(gen);
    return !wanted(args->words);
  });
}

}  // namespace resprobe::cli
