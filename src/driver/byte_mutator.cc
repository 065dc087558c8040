#include <algorithm>
#include <cstring>

#include "driver/driver.h"
#include "engine/rng.h"

namespace resprobe::driver {

size_t PlainMutateBytes(uint8_t* data, size_t size, size_t max_size) {
  static Rng rng(0x7265737072);  // one sequence per process
  constexpr uint8_t kTelling[] = {0x00, 0x7F, 0x80, 0xFF, '\r', '\n', '-', '$', '*', '0', '9'};
  switch (size == 0 ? 2 : rng.Below(6)) {
    case 0:
      data[rng.Below(size)] ^= static_cast<uint8_t>(1u << rng.Below(8));
      return size;
    case 1:
      data[rng.Below(size)] = rng.Pick(kTelling);
      return size;
    case 2: {  // insert
      if (size >= max_size) return size;
      const size_t at = rng.Below(size + 1);
      std::memmove(data + at + 1, data + at, size - at);
      data[at] = rng.OneIn(2) ? rng.Pick(kTelling) : static_cast<uint8_t>(rng.Next());
      return size + 1;
    }
    case 3: {  // delete a run
      const size_t at = rng.Below(size);
      const size_t run = std::min<size_t>(1 + rng.Below(8), size - at);
      std::memmove(data + at, data + at + run, size - at - run);
      return size - run;
    }
    case 4: {  // repeat a run at the end
      const size_t at = rng.Below(size);
      const size_t run =
          std::min({1 + rng.Below(16), size - at, max_size - std::min(size, max_size)});
      std::memmove(data + size, data + at, run);
      return size + run;
    }
    default: {
      // A small change of one byte, as in a length.
      const auto step = static_cast<uint8_t>(rng.Between(-4, 4));
      uint8_t& byte = data[rng.Below(size)];
      byte = static_cast<uint8_t>(byte + step);
      return size;
    }
  }
}

}  // namespace resprobe::driver
