#include "driver/afl_rerun.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

// Parts of the runtimes of AFL++ and the sanitizers, non-null if linked.
// NOLINTBEGIN(bugprone-reserved-identifier): those are their names.
extern "C" {
int __afl_persistent_loop(unsigned int) __attribute__((weak));
extern uint8_t* __afl_area_ptr __attribute__((weak));
extern uint32_t __afl_map_size __attribute__((weak));
int __sanitizer_install_malloc_and_free_hooks(void (*malloc_hook)(const volatile void*, size_t),
                                              void (*free_hook)(const volatile void*))
    __attribute__((weak));
}
// NOLINTEND(bugprone-reserved-identifier)

namespace resprobe::driver {
namespace {

size_t allocations = 0;

bool CountAllocations() {
  return __sanitizer_install_malloc_and_free_hooks != nullptr &&
         __sanitizer_install_malloc_and_free_hooks(
             [](const volatile void*, size_t) { ++allocations; }, [](const volatile void*) {}) > 0;
}

}  // namespace

bool UnderAfl() { return __afl_persistent_loop != nullptr; }

void RunSteadily(Harness& harness, Bytes tape, RunContext& run) {
  static const bool counted = CountAllocations();
  const bool map = &__afl_area_ptr != nullptr && &__afl_map_size != nullptr;
  // Several runs, since buffers are swapped, and the next run may have to grow another one.
  constexpr int kMostRuns = 6;
  for (int runs = 1;; ++runs) {
    allocations = 0;
    harness.Run(tape, run);
    if (!counted || !map || allocations == 0 || run.violated() || runs == kMostRuns) return;
    // AFL++ clears the map in the same way before each run.
    std::memset(__afl_area_ptr, 0, __afl_map_size);
    __afl_area_ptr[0] = 1;
    run.Reset();
  }
}

}  // namespace resprobe::driver
