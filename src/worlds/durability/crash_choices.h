#ifndef RESPROBE_WORLDS_DURABILITY_CRASH_CHOICES_H_
#define RESPROBE_WORLDS_DURABILITY_CRASH_CHOICES_H_

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sim/disk/disk_choices.h"

namespace resprobe {

// The choices of a crash, as its op gives them: decimal numbers in order, then zeros. A number that
// is too large is reduced modulo the count; a word that is none counts as 0.
class CrashChoices : public DiskChoices {
 public:
  void Reset(std::span<const std::string_view> words) {
    next_ = 0;
    numbers_.clear();
    for (const std::string_view word : words) {
      uint32_t number = 0;
      std::from_chars(word.data(), word.data() + word.size(), number);
      numbers_.push_back(number);
    }
  }
  uint32_t Choose(uint32_t count) override {
    return next_ < numbers_.size() ? numbers_[next_++] % count : 0;
  }

 private:
  std::vector<uint32_t> numbers_;
  size_t next_ = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_DURABILITY_CRASH_CHOICES_H_
