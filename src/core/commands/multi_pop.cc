#include "core/commands/multi_pop.h"

namespace resprobe {

bool MultiPop::Parse(CommandContext& c, size_t at, std::string_view one_word,
                     std::string_view other_word) {
  int64_t number;
  if (!c.IntBetween(at, 1, INT64_MAX, &number, "ERR numkeys should be greater than 0")) {
    return false;
  }
  const size_t argc = c.argc();
  if (static_cast<uint64_t>(number) >= argc - at - 1) return c.SyntaxError();
  keys = static_cast<size_t>(number);
  const size_t where = at + 1 + keys;
  other = c.Is(where, other_word);
  if (!other && !c.Is(where, one_word)) return c.SyntaxError();
  bool counted = false;
  for (size_t i = where + 1; i < argc; i += 2) {
    if (counted || !c.Is(i, "COUNT") || i + 1 == argc) return c.SyntaxError();
    if (!c.IntBetween(i + 1, 1, INT64_MAX, &count, "ERR count should be greater than 0")) {
      return false;
    }
    counted = true;
  }
  return true;
}

}  // namespace resprobe
