#ifndef RESPROBE_EXAMPLES_RING_RING_H_
#define RESPROBE_EXAMPLES_RING_RING_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace ring {

// A queue of numbers in a fixed buffer: the software under test.
class Ring {
 public:
  static constexpr size_t kCapacity = 4;

  // A planted fault lets a test show that it is found: the ring accepts one number too many.
  explicit Ring(bool faulty) : most_(faulty ? kCapacity + 1 : kCapacity) {}

  size_t size() const { return size_; }
  // False if it is full.
  bool Push(int64_t number);
  // False if it is empty.
  bool Pop(int64_t* number);
  void Clear() { first_ = size_ = 0; }

 private:
  size_t most_;
  size_t first_ = 0;
  size_t size_ = 0;
  std::array<int64_t, kCapacity> numbers_{};
};

}  // namespace ring

#endif  // RESPROBE_EXAMPLES_RING_RING_H_
