#include "core/keyspace/list.h"

#include <algorithm>
#include <utility>

#include "core/keyspace/accounting.h"
#include "core/keyspace/dict.h"

namespace resprobe {

void List::Grow() {
  // Rotates the ring to start at index 0 before the vector grows, so that its order holds.
  std::rotate(ring_.begin(), ring_.begin() + static_cast<ptrdiff_t>(head_), ring_.end());
  head_ = 0;
  ring_.resize(ring_.empty() ? 8 : ring_.size() * 2);
}

void List::PushFront(std::string_view value) {
  if (size_ == ring_.size()) Grow();
  head_ = (head_ + ring_.size() - 1) & (ring_.size() - 1);
  ring_[head_].assign(value);
  ++size_;
  bytes_ += ElementBytes(value);
}

void List::PushBack(std::string_view value) {
  if (size_ == ring_.size()) Grow();
  ring_[Slot(size_)].assign(value);
  ++size_;
  bytes_ += ElementBytes(value);
}

void List::PopFront() {
  bytes_ -= ElementBytes(ring_[head_]);
  RecycleString(ring_[head_]);
  head_ = Slot(1);
  --size_;
}

void List::PopBack() {
  std::string& last = ring_[Slot(size_ - 1)];
  bytes_ -= ElementBytes(last);
  RecycleString(last);
  --size_;
}

void List::Set(size_t i, std::string_view value) {
  std::string& element = ring_[Slot(i)];
  bytes_ += ElementBytes(value) - ElementBytes(element);
  element.assign(value);
}

void List::Insert(size_t i, std::string_view value) {
  if (i < size_ / 2) {
    PushFront(value);
    for (size_t k = 0; k < i; ++k) std::swap(ring_[Slot(k)], ring_[Slot(k + 1)]);
  } else {
    PushBack(value);
    for (size_t k = size_ - 1; k > i; --k) std::swap(ring_[Slot(k)], ring_[Slot(k - 1)]);
  }
}

void List::Rotate(bool to_front) {
  // In a full ring the slot beyond one end is the other end itself.
  if (to_front) {
    const size_t last = Slot(size_ - 1);
    head_ = (head_ + ring_.size() - 1) & (ring_.size() - 1);
    std::swap(ring_[head_], ring_[last]);
  } else {
    std::swap(ring_[head_], ring_[Slot(size_)]);
    head_ = Slot(1);
  }
}

void List::Erase(size_t first, size_t count) {
  const size_t after = size_ - first - count;
  if (first < after) {
    for (size_t k = first; k-- > 0;) std::swap(ring_[Slot(k)], ring_[Slot(k + count)]);
    for (size_t k = 0; k < count; ++k) PopFront();
  } else {
    for (size_t k = 0; k < after; ++k) {
      std::swap(ring_[Slot(first + k)], ring_[Slot(first + count + k)]);
    }
    for (size_t k = 0; k < count; ++k) PopBack();
  }
}

void List::Clear() {
  if (ring_.size() > kMaxIdleSlots) {
    ring_.clear();
    ring_.shrink_to_fit();
  } else {
    for (size_t i = 0; i < size_; ++i) RecycleString(ring_[Slot(i)]);
  }
  head_ = 0;
  size_ = 0;
  bytes_ = 0;
}

void List::CopyFrom(const List& other) {
  Clear();
  for (size_t i = 0; i < other.size(); ++i) PushBack(other.at(i));
}

const char* List::Check() const {
  if (size_ > ring_.size()) return "list: more elements than slots";
  if ((ring_.size() & (ring_.size() - 1)) != 0) return "list: the ring is no power of two";
  size_t bytes = 0;
  for (size_t i = 0; i < size_; ++i) bytes += ElementBytes(at(i));
  return bytes == bytes_ ? nullptr : "list: byte count is wrong";
}

}  // namespace resprobe
