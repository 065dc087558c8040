#ifndef RESPROBE_WORLDS_COMMAND_COMMAND_GENERATE_H_
#define RESPROBE_WORLDS_COMMAND_COMMAND_GENERATE_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "core/table/table.h"
#include "engine/generate.h"

namespace resprobe {

// Generates a valid or almost valid request: a command of the command table with arguments that
// follow its syntax, over few keys, members and fields, so that the requests of one run share them.
// Some are wrong in a type, an arity, or a word. Each seed prefers some groups and commands
// (swarm). The words are in the generator's arena or static.
std::span<const std::string_view> GenerateCommand(Gen& gen);

// Some of the commands, to generate requests of these alone.
class CommandChoice {
 public:
  explicit CommandChoice(const std::function<bool(const Command&)>& wanted);
  bool empty() const { return indices_.empty(); }
  // As GenerateCommand(). There must be a command.
  std::span<const std::string_view> Generate(Gen& gen) const;

 private:
  std::vector<uint16_t> indices_;
};

// The frequency of a command under the generator's seed. 0: it appears only if nothing else does;
// MULTI and related commands are generated separately.
struct CommandWeight {
  const Command* command;
  uint64_t weight;
};
// The weights of all commands that GenerateCommand() may call; a command whose syntax differs by
// profile occurs twice.
std::vector<CommandWeight> CommandWeights(const Gen& gen);

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_COMMAND_COMMAND_GENERATE_H_
