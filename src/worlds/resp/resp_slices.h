#ifndef RESPROBE_WORLDS_RESP_RESP_SLICES_H_
#define RESPROBE_WORLDS_RESP_RESP_SLICES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include "engine/digest.h"
#include "engine/harness.h"

namespace resprobe {

inline std::string_view AsText(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Cuts bytes into slices. The cuts are derived from the input's digest.
class Slicer {
 public:
  enum class How : uint8_t {
    // One to four slices, at derived points.
    kFew,
    // Single bytes. Of a long input, only kSingles of them, from a derived offset on, between two
    // slices: this adds little cost, and another input has them at another offset.
    kSingle,
  };
  static constexpr size_t kSingles = 32;

  Slicer(std::string_view bytes, uint64_t digest, How how) : bytes_(bytes) {
    if (how == How::kSingle) {
      singles_ = std::min(bytes.size(), kSingles);
      cuts_[0] = (digest >> 8) % (bytes.size() - singles_ + 1);
      return;
    }
    const size_t count = digest & 3;
    for (size_t i = 0; i < 3; ++i) {
      digest = (digest ^ (digest >> 32)) * 0x94d049bb133111eb;
      cuts_[i] = i < count ? (digest >> 16) % (bytes.size() + 1) : bytes.size();
    }
    if (cuts_[0] > cuts_[1]) std::swap(cuts_[0], cuts_[1]);
    if (cuts_[1] > cuts_[2]) std::swap(cuts_[1], cuts_[2]);
    if (cuts_[0] > cuts_[1]) std::swap(cuts_[0], cuts_[1]);
  }

  // Sets `slice` to the next slice, which is never empty; false after the last one.
  bool Next(std::string_view& slice) {
    if (at_ == bytes_.size()) return false;
    size_t end = bytes_.size();
    if (singles_ > 0) {
      end = at_ < cuts_[0] ? cuts_[0] : at_ < cuts_[0] + singles_ ? at_ + 1 : end;
    } else {
      while (given_ < 3 && cuts_[given_] <= at_) ++given_;
      if (given_ < 3) end = cuts_[given_];
    }
    slice = bytes_.substr(at_, end - at_);
    at_ = end;
    return true;
  }

 private:
  std::string_view bytes_;
  size_t cuts_[3] = {};
  size_t singles_ = 0;
  size_t at_ = 0;
  size_t given_ = 0;
};

inline std::string_view Name(Slicer::How how) {
  return how == Slicer::How::kSingle ? "byte by byte" : "in a few slices";
}

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_RESP_RESP_SLICES_H_
