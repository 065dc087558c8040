#ifndef RESPROBE_HISTORY_LINEARIZER_H_
#define RESPROBE_HISTORY_LINEARIZER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/table/profile.h"
#include "history/history.h"

namespace resprobe::history {

// Whether a history is linearizable (Herlihy, Wing: Linearizability, 1990): whether there is one
// order of its operations that keeps the order of those that do not overlap, and in which the core
// gives every reply that was seen.
//
// The search is Wing and Gong's (Testing and verifying concurrent objects, 1993) with Lowe's memory
// of situations (Testing for linearizability, 2016). Keys that no operation joins are checked
// apart, which is sound since linearizability is local. Operations of one client that overlap were
// sent together and keep their order.
enum class Verdict : uint8_t {
  kOk,
  kViolation,
  kUnknown,  // a limit ended the search, or a command cannot be checked; never to be taken for kOk
};

struct LinearizerLimits {
  uint64_t runs = 5'000'000;      // operations that the core runs for one set of keys
  size_t remembered = 5'000'000;  // situations; each takes 32 to 64 bytes
  std::function<bool()> stop;     // polled now and then; true ends the search
};

struct LinearizerResult {
  Verdict verdict = Verdict::kOk;
  std::string why;  // the reason for kUnknown

  // For a violation, and `keys` for an unknown verdict too: a set of keys whose operations have no
  // order. `failing` is the shortest prefix of their history that is not linearizable, as indices
  // into the history in order of begin; replies that arrived after the prefix do not belong to it.
  std::vector<std::string> keys;
  std::vector<size_t> failing;
  // The index of the operation whose reply ends the prefix, and what the core answered to it in the
  // orders that were tried, at most four replies.
  size_t misfit = 0;
  std::vector<std::string> expected;

  // What was checked.
  uint64_t operations = 0;    // that read or change keys
  uint64_t without_keys = 0;  // not checked, since they have nothing to do with keys
  uint64_t refused = 0;       // not checked, since the server answered that it has not done them
  uint64_t unanswered = 0;    // of `operations`
  uint64_t sets_of_keys = 0;
  uint64_t runs = 0;  // operations that the core ran
};

// The history begins with an empty server.
LinearizerResult CheckHistory(const History& history, Profile profile,
                              const LinearizerLimits& limits = {});

// The part of the history that shows a violation, and little else: the failing prefix of its keys,
// without the reads that are not needed to fail. What is left out cannot make the rest
// linearizable. In order of begin; the last reply is the misfit's.
History Shorten(const History& history, const LinearizerResult& result, Profile profile);

}  // namespace resprobe::history

#endif  // RESPROBE_HISTORY_LINEARIZER_H_
