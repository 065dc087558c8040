#ifndef RESPROBE_CORE_TABLE_TABLE_H_
#define RESPROBE_CORE_TABLE_TABLE_H_

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "core/table/profile.h"
#include "core/table/shape.h"
#include "core/table/spec.h"

namespace resprobe {

// A command of the table: its spec, and values derived from it.
struct Command {
  const CommandSpec* spec = nullptr;
  const Command* parent = nullptr;  // the container, for a subcommand
  Shape reply;
  std::span<const Command> subcommands;
  uint16_t place = 0;  // index in Commands(); a subcommand has that of its container
  // Traits that the server asks for in every request.
  CommandRole role = CommandRole::kPlain;
  bool is_exec = false;
  bool may_wait = false;  // kMayWait or kBlocking
  bool runs_in_multi = false;
  bool unsubscribes = false;  // UNSUBSCRIBE, PUNSUBSCRIBE, SUNSUBSCRIBE
  bool marks_use = false;
  bool runs_subscribed = false;
  bool keeps_caching = false;
  bool reports_refusal = false;

  std::string_view name() const { return spec->name; }
  bool Has(uint32_t flag) const { return (spec->flags & flag) != 0; }
  const CommandTraits& traits() const { return spec->traits; }
  bool HasTrait(CommandTrait trait) const { return (spec->traits.bits & trait) != 0; }
  // SUBSCRIBE, UNSUBSCRIBE and the like: one reply for each argument.
  bool changes_subscriptions() const {
    return role >= CommandRole::kSubscribe && role <= CommandRole::kSunsubscribe;
  }
  // "get", "client|id".
  std::string_view full_name() const { return full_name_; }
  bool ArityFits(size_t argc) const {
    const auto n = static_cast<int>(argc);
    return spec->arity >= 0 ? n == spec->arity : n >= -spec->arity;
  }

  std::string full_name_;
};

// All commands of a profile, sorted by name. Built once, from the groups in groups.h; aborts if a
// spec is malformed (a bad shape, a duplicate name), which is a programming error that any test
// finds.
std::span<const Command> Commands(Profile profile = Profile::kRedis70);

// By name, ignoring case; nullptr if there is none.
const Command* FindCommand(std::string_view name, Profile profile = Profile::kRedis70);
const Command* FindSubcommand(const Command& container, std::string_view name);

// Appends the positions of the keys among the arguments (args[0] is the name) to `positions`. False
// if the arguments do not determine them (a bad numkeys).
bool KeyPositions(const Command& command, std::span<const std::string_view> args,
                  std::vector<int>& positions);

}  // namespace resprobe

#endif  // RESPROBE_CORE_TABLE_TABLE_H_
