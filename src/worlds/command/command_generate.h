#ifndef RESPROBE_WORLDS_COMMAND_COMMAND_GENERATE_H_
#define RESPROBE_WORLDS_COMMAND_COMMAND_GENERATE_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/table/table.h"
#include "engine/generate.h"

namespace resprobe {

// A request that makes sense, or nearly: a command of the one table with arguments after its
// syntax, over few keys, members and fields, so that requests of one run collide. Some are wrong:
// a type, an arity, a word. Each seed prefers some groups and commands (swarm). The words lie in
// the generator's arena or are static.
std::span<const std::string_view> GenerateCommand(Gen& gen);

// How common a command is with the generator's seed; 0: it comes up where nothing else does, and
// MULTI and what goes with it by itself.
struct CommandWeight {
  const Command* command;
  uint64_t weight;
};
// Of all that GenerateCommand() may call; a command whose syntax another profile has otherwise is
// there twice.
std::vector<CommandWeight> CommandWeights(const Gen& gen);

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_COMMAND_COMMAND_GENERATE_H_
