#ifndef RESPROBE_CORE_COMMANDS_MULTI_POP_H_
#define RESPROBE_CORE_COMMANDS_MULTI_POP_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/table/command.h"

namespace resprobe {

// The arguments of LMPOP, ZMPOP and their blocking forms:
// `numkeys key [key ...] <ONE | OTHER> [COUNT count]`.
struct MultiPop {
  size_t keys = 0;
  bool other = false;  // true if the second of the two words was given
  int64_t count = 1;

  // Parses from args[at] on. False after an error reply.
  bool Parse(CommandContext& c, size_t at, std::string_view one_word, std::string_view other_word);
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_COMMANDS_MULTI_POP_H_
