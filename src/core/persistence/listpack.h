#ifndef RESPROBE_CORE_PERSISTENCE_LISTPACK_H_
#define RESPROBE_CORE_PERSISTENCE_LISTPACK_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/persistence/packed.h"

namespace resprobe {

// A listpack (redis 7.0 listpack.c): total bytes and count, entries that can be read in both
// directions, and an end mark.
class ListpackReader {
 public:
  explicit ListpackReader(std::string_view blob) : blob_(blob) {}

  // The shallow check: the total is the size, and the last byte is the end mark. Next() requires
  // it.
  bool HeaderFits() const;
  // The count of the header is below `elements`.
  bool DeclaresFewerThan(size_t elements) const;
  PackedStep Next(PackedElement* element);
  // After kEnd: the end mark is the last byte, and the count of the header is right.
  bool EndsWell() const;

 private:
  std::string_view blob_;
  size_t at_ = 6;
  size_t count_ = 0;
};

// Appends a listpack to `out`, element by element.
class ListpackWriter {
 public:
  explicit ListpackWriter(std::string* out);

  // Text that is an integer as the server would write it is stored as that integer.
  void Append(std::string_view text);
  void Append(int64_t number);
  // So far, in bytes, without the end mark that Finish() appends.
  size_t size() const { return out_->size() - begin_; }
  size_t count() const { return count_; }
  void Finish();

 private:
  void EndEntry(size_t begin);

  std::string* out_;
  size_t begin_;
  size_t count_ = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_PERSISTENCE_LISTPACK_H_
