#ifndef RESPROBE_ENGINE_RNG_H_
#define RESPROBE_ENGINE_RNG_H_

#include <cstdint>
#include <iterator>

namespace resprobe {

// A small deterministic generator (splitmix64): the same seed gives the same numbers on every
// machine, which the standard library's distributions do not guarantee.
class Rng {
 public:
  explicit Rng(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // A number in [0, bound); 0 if bound is 0.
  uint64_t Below(uint64_t bound) {
    return bound == 0
               ? 0
               : static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64);
  }
  // A number in [low, high], low <= high.
  int64_t Between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(Below(static_cast<uint64_t>(high - low) + 1));
  }
  // True with probability 1/n.
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  // One of `items`, a non-empty range with operator[].
  template <class Items>
  decltype(auto) Pick(const Items& items) {
    return items[Below(std::size(items))];
  }

 private:
  uint64_t state_;
};

}  // namespace resprobe

#endif  // RESPROBE_ENGINE_RNG_H_
