#ifndef RESPROBE_DRIVER_PROGRESS_H_
#define RESPROBE_DRIVER_PROGRESS_H_

#include <cstdint>

namespace resprobe::driver {

// Counts executions in the 8-byte file that $RESPROBE_PROGRESS names, mapped into memory, so that
// another process can read the count at any moment. libFuzzer itself prints its count only at
// powers of two. Without the variable the count is not visible.
void OpenProgress();

inline uint64_t* progress_count = nullptr;

inline void CountExecution() {
  static uint64_t nowhere = 0;
  uint64_t* const count = progress_count != nullptr ? progress_count : &nowhere;
  ++*count;
}

}  // namespace resprobe::driver

#endif  // RESPROBE_DRIVER_PROGRESS_H_
