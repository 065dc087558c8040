#ifndef RESPROBE_CORE_RESP_FLAT_BUFFER_H_
#define RESPROBE_CORE_RESP_FLAT_BUFFER_H_

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

namespace resprobe::resp {

// A growing array of trivially copyable values. It neither zeroes memory when it grows nor releases
// it. Its capacity is at most twice what was requested (or 64 bytes). Running out of memory ends
// the process, like every other allocation failure in a program without exceptions.
template <class T>
class FlatBuffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  FlatBuffer() = default;
  ~FlatBuffer() { std::free(data_); }
  FlatBuffer(FlatBuffer&& other) noexcept { Swap(other); }
  FlatBuffer& operator=(FlatBuffer&& other) noexcept {
    Swap(other);
    return *this;
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  T& back() { return data_[size_ - 1]; }

  void clear() { size_ = 0; }
  void Swap(FlatBuffer& other) {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }
  void push_back(const T& value) { *AddOne() = value; }
  // Adds an element whose value the caller sets.
  T* AddOne() {
    if (size_ == capacity_) [[unlikely]]
      Grow(1);
    return data_ + size_++;
  }
  void pop_back() { --size_; }
  // Clears the buffer, then adds an element whose value the caller sets.
  T* StartWithOne() {
    if (capacity_ == 0) [[unlikely]]
      Grow(1);
    size_ = 1;
    return data_;
  }
  void Append(const T* values, size_t count) {
    if (count == 0) return;
    if (capacity_ - size_ < count) [[unlikely]]
      Grow(count);
    std::memcpy(data_ + size_, values, count * sizeof(T));
    size_ += count;
  }
  // Replaces the contents with `count` values. `end` is the end of the readable memory after
  // `values`: where there is enough of it, this copies a fixed size, which is faster for small
  // counts.
  void StartWith(const T* values, size_t count, const T* end) {
    constexpr size_t kFixed = 32;
    if (count <= kFixed && static_cast<size_t>(end - values) >= kFixed && capacity_ >= kFixed) {
      std::memcpy(data_, values, kFixed * sizeof(T));
      size_ = count;
    } else {
      size_ = 0;
      Append(values, count);
    }
  }

 private:
  [[gnu::noinline]] void Grow(size_t count) {
    size_t capacity = capacity_ * 2;
    if (capacity < size_ + count) capacity = size_ + count;
    if (capacity * sizeof(T) < 64) capacity = 64 / sizeof(T);
    void* data = std::realloc(data_, capacity * sizeof(T));
    if (data == nullptr) std::abort();
    data_ = static_cast<T*>(data);
    capacity_ = capacity;
  }

  T* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace resprobe::resp

#endif  // RESPROBE_CORE_RESP_FLAT_BUFFER_H_
