#ifndef RESPROBE_CORE_KEYSPACE_LIST_H_
#define RESPROBE_CORE_KEYSPACE_LIST_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace resprobe {

// A list of byte strings: a ring of strings in one vector. Access to both ends and to a position is
// O(1); inserting or erasing inside moves the shorter side. Slots keep their memory for reuse.
// References to elements are valid until the next change of the list.
class List {
 public:
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // The accounted bytes: see Keyspace::used_memory().
  size_t bytes() const { return bytes_; }

  // i < size().
  const std::string& at(size_t i) const { return ring_[Slot(i)]; }

  void PushFront(std::string_view value);
  void PushBack(std::string_view value);
  // The list must not be empty.
  void PopFront();
  void PopBack();
  // i < size().
  void Set(size_t i, std::string_view value);
  // Inserts `value` before position i; i <= size().
  void Insert(size_t i, std::string_view value);
  // Moves the last element to the front, or the first one to the back. The list must not be empty.
  void Rotate(bool to_front);
  // Removes [first, first + count), which must lie inside.
  void Erase(size_t first, size_t count);
  void Clear();

  void CopyFrom(const List& other);

  // Describes the first error found, or nullptr.
  const char* Check() const;

 private:
  size_t Slot(size_t i) const { return (head_ + i) & (ring_.size() - 1); }
  void Grow();

  std::vector<std::string> ring_;  // its size is 0 or a power of two
  size_t head_ = 0;
  size_t size_ = 0;
  size_t bytes_ = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_KEYSPACE_LIST_H_
