#ifndef RESPROBE_DRIVER_PROGRESS_H_
#define RESPROBE_DRIVER_PROGRESS_H_

#include <cstdint>
#include <string_view>

namespace resprobe::driver {

// Counts executions in the file that $RESPROBE_PROGRESS names, mapped into memory, so that another
// process can read the count at any moment. libFuzzer itself prints its count only at powers of
// two. Without the variable the count is not visible.
//
// The file holds 64-bit numbers: the executions, then one for each invariant that
// $RESPROBE_STEP_OVER lists, separated by commas: how often it was broken and the run went on.
void OpenProgress();

// True if this invariant is to be stepped over; counts that.
bool StepsOver(std::string_view invariant);

inline uint64_t* progress_count = nullptr;

inline void CountExecution() {
  static uint64_t nowhere = 0;
  uint64_t* const count = progress_count != nullptr ? progress_count : &nowhere;
  ++*count;
}

}  // namespace resprobe::driver

#endif  // RESPROBE_DRIVER_PROGRESS_H_
