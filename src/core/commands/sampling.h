#ifndef RESPROBE_CORE_COMMANDS_SAMPLING_H_
#define RESPROBE_CORE_COMMANDS_SAMPLING_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/keyspace/random.h"
#include "core/table/command.h"

namespace resprobe {

// SRANDMEMBER, HRANDFIELD and ZRANDMEMBER with a count: a positive count asks for up to that many
// distinct elements, a negative one for exactly that many, which may repeat.

// A server accepts any negative count, and may stream without end. Above this many elements the
// core replies "value is out of range": it holds the reply in memory, and a fuzzer would find
// nothing else.
inline constexpr int64_t kMaxRepeats = 1 << 14;

// Parses the count at args[2] and, if `word` is not empty (WITHVALUES, WITHSCORES), that option at
// args[3]. False after an error reply.
struct SampleRequest {
  int64_t count = 0;
  bool with_values = false;
};
bool ParseSampleRequest(CommandContext& c, std::string_view word, SampleRequest* request);

// Computes the number of elements in the reply, from a collection of `size` > 0. False after an
// error reply.
bool SampleSize(CommandContext& c, const SampleRequest& request, size_t size, size_t* elements);

// Calls visit(position) for the requested elements, from a collection of `size` > 0.
template <class Visit>
void Sample(Random& random, int64_t count, size_t size, Visit&& visit) {
  if (count < 0) {
    for (; count < 0; ++count) visit(static_cast<size_t>(random.Below(size)));
    return;
  }
  // Selection sampling: every position is equally likely, and none repeats.
  size_t wanted = std::min(static_cast<size_t>(count), size);
  for (size_t i = 0; wanted > 0; ++i) {
    if (random.Below(size - i) < wanted) {
      visit(i);
      --wanted;
    }
  }
}

}  // namespace resprobe

#endif  // RESPROBE_CORE_COMMANDS_SAMPLING_H_
