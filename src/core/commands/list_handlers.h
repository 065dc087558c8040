#ifndef RESPROBE_CORE_COMMANDS_LIST_HANDLERS_H_
#define RESPROBE_CORE_COMMANDS_LIST_HANDLERS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/table/command.h"

// Functions shared by the list commands and their blocking forms.
namespace resprobe::list {

enum class End { kHead, kTail };

const std::string& PeekEnd(const List& list, End end);
void PopOne(List& list, End end);

// Pops `count` elements from that end and replies with them as an array.
void ReplyAndPop(CommandContext& c, List& list, End end, size_t count);

// Parses LEFT or RIGHT at args[i]. False after an error reply.
bool ParseEnd(CommandContext& c, size_t i, End* end);

// LMOVE from args[1] to args[2]. False if nothing was moved.
bool Move(CommandContext& c, End from, End to);

}  // namespace resprobe::list

#endif  // RESPROBE_CORE_COMMANDS_LIST_HANDLERS_H_
