#ifndef RESPROBE_CORE_KEYSPACE_RANDOM_H_
#define RESPROBE_CORE_KEYSPACE_RANDOM_H_

#include <cstdint>

namespace resprobe {

// The server's random numbers (RANDOMKEY, SPOP, SRANDMEMBER, HRANDFIELD, ZRANDMEMBER): splitmix64
// from a fixed seed, so a run is a function of its requests alone.
class Random {
 public:
  static constexpr uint64_t kSeed = 0x7265737072006265;

  void Reset() { state_ = kSeed; }

  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // In [0, bound); 0 if bound is 0.
  uint64_t Below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64);
  }

 private:
  uint64_t state_ = kSeed;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_KEYSPACE_RANDOM_H_
