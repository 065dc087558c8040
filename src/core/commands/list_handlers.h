#ifndef RESPROBE_CORE_COMMANDS_LIST_HANDLERS_H_
#define RESPROBE_CORE_COMMANDS_LIST_HANDLERS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/commands/command.h"

// What the list commands share with those of them that wait.
namespace resprobe::list {

enum class End { kHead, kTail };

const std::string& PeekEnd(const List& list, End end);
void PopOne(List& list, End end);

// Replies with `count` elements from that end, as an array, and takes them out.
void ReplyAndPop(CommandContext& c, List& list, End end, size_t count);

// LEFT or RIGHT at args[i]. False after an error reply.
bool ParseEnd(CommandContext& c, size_t i, End* end);

// LMOVE from args[1] to args[2].
void Move(CommandContext& c, End from, End to);

}  // namespace resprobe::list

#endif  // RESPROBE_CORE_COMMANDS_LIST_HANDLERS_H_
