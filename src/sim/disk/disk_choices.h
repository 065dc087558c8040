#ifndef RESPROBE_SIM_DISK_DISK_CHOICES_H_
#define RESPROBE_SIM_DISK_DISK_CHOICES_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace resprobe {

// Decides what is open about a disk: which of its possible states a crash leaves, and whether a
// fault with a ratio happens. A world draws the numbers from its tape.
class DiskChoices {
 public:
  virtual ~DiskChoices() = default;
  // A number in [0, count); `count` is at least 1. 0 is the simplest choice: less is kept, no fault
  // happens.
  virtual uint32_t Choose(uint32_t count) = 0;
};

// Numbers from a seed: the same seed gives the same choices on every machine (splitmix64).
class SeededChoices : public DiskChoices {
 public:
  explicit SeededChoices(uint64_t seed) : state_(seed) {}

  void Reset(uint64_t seed) { state_ = seed; }
  uint32_t Choose(uint32_t count) override {
    return static_cast<uint32_t>((Next() >> 32) * count >> 32);
  }

 private:
  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  uint64_t state_;
};

// Given numbers in order, then zeros; a number that is too large is reduced modulo the count.
class FixedChoices : public DiskChoices {
 public:
  explicit FixedChoices(std::span<const uint32_t> numbers) : numbers_(numbers) {}

  uint32_t Choose(uint32_t count) override {
    return next_ < numbers_.size() ? numbers_[next_++] % count : 0;
  }

 private:
  std::span<const uint32_t> numbers_;
  size_t next_ = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_SIM_DISK_DISK_CHOICES_H_
