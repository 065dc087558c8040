#include "examples/ring/ring.h"

namespace ring {

bool Ring::Push(int64_t number) {
  if (size_ >= most_) return false;
  numbers_[(first_ + size_) % kCapacity] = number;
  ++size_;
  return true;
}

bool Ring::Pop(int64_t* number) {
  if (size_ == 0) return false;
  *number = numbers_[first_];
  first_ = (first_ + 1) % kCapacity;
  --size_;
  return true;
}

}  // namespace ring
