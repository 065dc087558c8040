#ifndef RESPROBE_DRIVER_AFL_MUTATOR_H_
#define RESPROBE_DRIVER_AFL_MUTATOR_H_

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "driver/driver.h"
#include "engine/harness.h"
#include "engine/rng.h"

namespace resprobe::driver {

// AFL++'s custom mutator, implemented by the harness's own: see AFL++'s docs/custom_mutators.md.
class AflMutator {
 public:
  AflMutator(Harness& harness, unsigned int seed) : harness_(harness), rng_(seed) {}

  size_t Fuzz(Bytes data, uint8_t** out, Bytes other, size_t max_size) {
    out_.resize(std::max({max_size, data.size(), size_t{1}}));
    *out = out_.data();
    const auto seed = static_cast<uint32_t>(rng_.Next());
    if (!other.empty() && rng_.OneIn(8)) {
      return harness_.CrossOver(data, other, out_.data(), max_size, seed);
    }
    if (!data.empty()) std::memcpy(out_.data(), data.data(), data.size());
    const size_t size = std::min(data.size(), max_size);
    return harness_.Mutate(out_.data(), size, max_size, seed, PlainMutateBytes);
  }

 private:
  Harness& harness_;
  Rng rng_;
  Tape out_;
};

}  // namespace resprobe::driver

#endif  // RESPROBE_DRIVER_AFL_MUTATOR_H_
