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

// Whether a history is linearizable (Herlihy, Wing: Linearizability, 1990): whether its operations
// can be put into one order that keeps the order of those that do not overlap, in which the core
// gives every reply that was given. Searched for as by Wing and Gong (Testing and verifying
// concurrent objects, 1993), with memory as by Lowe (Testing for linearizability, 2016): what was
// reached before is not tried again. Keys that no operation joins are checked apart.
enum class Verdict : uint8_t {
  kOk,
  kViolation,
  kUnknown,  // the limits ended the search, or a command cannot be checked: never to be taken for
             // ok
};

struct LinearizerLimits {
  uint64_t runs = 20'000'000;      // operations that the core runs, for one set of keys
  size_t remembered = 20'000'000;  // situations, 16 bytes each
  std::function<bool()> stop;      // asked now and then; true ends the search
};

struct LinearizerResult {
  Verdict verdict = Verdict::kOk;
  std::string why;  // of kUnknown

  // A violation: the keys; the shortest beginning of their history that is not linearizable, as
  // indices of the history's operations in the order of their begins, the replies that came later
  // left out; and that of them whose reply fits in no order. It is the last to end.
  std::vector<std::string> keys;
  std::vector<size_t> failing;
  size_t misfit = 0;
  // What the core answered to it where it was tried, each once, at most four.
  std::vector<std::string> expected;

  // What was checked.
  uint64_t operations = 0;    // with keys
  uint64_t without_keys = 0;  // that say nothing about keys, and were not checked
  uint64_t unanswered = 0;    // of `operations`
  uint64_t sets_of_keys = 0;
  uint64_t runs = 0;  // operations that the core ran
};

LinearizerResult CheckHistory(const History& history, Profile profile,
                              const LinearizerLimits& limits = {});

// The failing beginning as a picture: a line for each operation with its interval, a column for
// each begin and end; `columns` wide at most, so of a long one only the end.
std::string Picture(const History& history, const LinearizerResult& result, size_t columns = 60);

}  // namespace resprobe::history

#endif  // RESPROBE_HISTORY_LINEARIZER_H_
