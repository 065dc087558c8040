#ifndef RESPROBE_CORE_SERVER_PROPAGATE_H_
#define RESPROBE_CORE_SERVER_PROPAGATE_H_

#include <concepts>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/keyspace/integers.h"
#include "core/server/server.h"
#include "core/table/command.h"

// For handlers whose command means something else on a replica, or when it is loaded from a file:
// what is propagated in its place. Costs one branch if nothing is.
namespace resprobe {

// A word of a request: a text, or an integer in digits.
class PropagatedWord {
 public:
  PropagatedWord(std::string_view text) : text_(text) {}                    // NOLINT
  PropagatedWord(const char* text) : text_(text) {}                         // NOLINT
  PropagatedWord(std::integral auto n) : text_(FormatInt64(n, digits_)) {}  // NOLINT
  PropagatedWord(const PropagatedWord&) = delete;
  PropagatedWord& operator=(const PropagatedWord&) = delete;
  operator std::string_view() const { return text_; }  // NOLINT

 private:
  char digits_[24];
  std::string_view text_;
};

template <class... Words>
[[gnu::cold, gnu::noinline]] void PropagateNow(CommandContext& c, const Words&... words) {
  [&](const auto&... word) {
    const std::string_view all[] = {std::string_view(word)...};
    c.server.propagation().Instead(c.db, all);
  }(PropagatedWord(words)...);
}

// This command is propagated instead of the current one. Called several times: these commands.
template <class... Words>
void PropagateAs(CommandContext& c, const Words&... words) {
  if (c.server.propagation().records()) [[unlikely]]
    PropagateNow(c, words...);
}
// The command is propagated, although it changed nothing.
inline void PropagateAlways(CommandContext& c) {
  if (c.server.propagation().records()) [[unlikely]]
    c.server.propagation().Always();
}
// The command is not propagated: it changed nothing, although it called Modified().
inline void PropagateNothing(CommandContext& c) {
  if (c.server.propagation().records()) [[unlikely]]
    c.server.propagation().Nothing();
}
// The key was deleted because its time to live was in the past.
inline void PropagateDeletion(CommandContext& c, std::string_view key) {
  PropagateAs(c, c.server.propagation().deletion(), key);
}

}  // namespace resprobe

#endif  // RESPROBE_CORE_SERVER_PROPAGATE_H_
