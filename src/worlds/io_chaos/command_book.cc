#include "worlds/io_chaos/command_book.h"

namespace resprobe {

IoCommand& CommandBook::Add(const IoCommand& command) {
  IoCommand& added = commands_.emplace_back(command);
  added.number = ++given_;
  return added;
}

IoCommand* CommandBook::Find(uint64_t number) {
  if (!WasGiven(number)) return nullptr;
  if (complete()) [[likely]]
    return &commands_[number - 1];
  const auto at = std::lower_bound(
      commands_.begin(), commands_.end(), number,
      [](const IoCommand& command, uint64_t wanted) { return command.number < wanted; });
  return at != commands_.end() && at->number == number ? &*at : nullptr;
}

}  // namespace resprobe
