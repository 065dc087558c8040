#ifndef RESPROBE_CORE_COMMANDS_MULTI_POP_H_
#define RESPROBE_CORE_COMMANDS_MULTI_POP_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/commands/command.h"

namespace resprobe {

// What LMPOP, ZMPOP and their waiting forms take: `numkeys key [key ...] <ONE | OTHER> [COUNT
// count]`.
struct MultiPop {
  size_t keys = 0;
  bool other = false;  // which of the two words
  int64_t count = 1;

  // From args[at] on. False after an error reply.
  bool Parse(CommandContext& c, size_t at, std::string_view one_word, std::string_view other_word);
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_COMMANDS_MULTI_POP_H_
