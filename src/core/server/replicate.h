#ifndef RESPROBE_CORE_SERVER_REPLICATE_H_
#define RESPROBE_CORE_SERVER_REPLICATE_H_

#include <concepts>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/keyspace/integers.h"
#include "core/server/server.h"
#include "core/table/command.h"

// For handlers whose command means something else on a replica, or later: what replicas get in its
// place. Costs one branch if there are none.
namespace resprobe {

// A word of a request: a text, or an integer in digits.
class ReplicatedWord {
 public:
  ReplicatedWord(std::string_view text) : text_(text) {}                    // NOLINT
  ReplicatedWord(const char* text) : text_(text) {}                         // NOLINT
  ReplicatedWord(std::integral auto n) : text_(FormatInt64(n, digits_)) {}  // NOLINT
  ReplicatedWord(const ReplicatedWord&) = delete;
  ReplicatedWord& operator=(const ReplicatedWord&) = delete;
  operator std::string_view() const { return text_; }  // NOLINT

 private:
  char digits_[24];
  std::string_view text_;
};

template <class... Words>
[[gnu::cold, gnu::noinline]] void ReplicateNow(CommandContext& c, const Words&... words) {
  [&](const auto&... word) {
    const std::string_view all[] = {std::string_view(word)...};
    c.server.source().Instead(c.db, all);
  }(ReplicatedWord(words)...);
}

// Replicas get this command instead of the current one. Called several times: these commands.
template <class... Words>
void ReplicateAs(CommandContext& c, const Words&... words) {
  if (c.server.source().records()) [[unlikely]]
    ReplicateNow(c, words...);
}
// Replicas get the command, although it changed nothing.
inline void ReplicateAlways(CommandContext& c) {
  if (c.server.source().records()) [[unlikely]]
    c.server.source().Always();
}
// Replicas do not get the command, which changed nothing, although it called Modified().
inline void ReplicateNothing(CommandContext& c) {
  if (c.server.source().records()) [[unlikely]]
    c.server.source().Nothing();
}
// The key was deleted because its time to live was in the past.
inline void ReplicateDeletion(CommandContext& c, std::string_view key) {
  ReplicateAs(c, c.server.source().deletion(), key);
}

}  // namespace resprobe

#endif  // RESPROBE_CORE_SERVER_REPLICATE_H_
