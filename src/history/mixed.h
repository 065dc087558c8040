#ifndef RESPROBE_HISTORY_MIXED_H_
#define RESPROBE_HISTORY_MIXED_H_

#include <cstdint>

namespace resprobe::history {

// A number whose bits all depend on all bits of `x` (splitmix64).
inline uint64_t Mixed(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace resprobe::history

#endif  // RESPROBE_HISTORY_MIXED_H_
