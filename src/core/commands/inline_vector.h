#ifndef RESPROBE_CORE_COMMANDS_INLINE_VECTOR_H_
#define RESPROBE_CORE_COMMANDS_INLINE_VECTOR_H_

#include <array>
#include <cstddef>
#include <type_traits>
#include <vector>

namespace resprobe {

// A growing array of trivially copyable values. The first N are in the object itself, so that a
// handler that lists a few keys or numbers does not allocate; a longer array is on the heap.
template <class T, size_t N>
class InlineVector {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  InlineVector() = default;
  InlineVector(const InlineVector&) = delete;
  InlineVector& operator=(const InlineVector&) = delete;

  size_t size() const { return size_; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }

  void push_back(const T& value) {
    if (size_ < N) {
      inline_[size_++] = value;
      return;
    }
    if (size_ == N) more_.assign(inline_.begin(), inline_.end());
    more_.push_back(value);
    data_ = more_.data();
    ++size_;
  }

 private:
  std::array<T, N> inline_;
  std::vector<T> more_;
  T* data_ = inline_.data();
  size_t size_ = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_COMMANDS_INLINE_VECTOR_H_
