#ifndef RESPROBE_CORE_PERSISTENCE_ZIPLIST_H_
#define RESPROBE_CORE_PERSISTENCE_ZIPLIST_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/persistence/packed.h"

namespace resprobe {

// A ziplist (redis 7.0 ziplist.c), which servers before 7.0 wrote: total bytes, the offset of the
// last entry, a count, entries that each begin with the size of the one before, and an end mark.
class ZiplistReader {
 public:
  explicit ZiplistReader(std::string_view blob) : blob_(blob) {}

  // Total, end mark, and an offset of the last entry that lies inside. Next() requires it.
  bool HeaderFits() const;
  PackedStep Next(PackedElement* element);
  // After kEnd: the end mark is the last byte, and the header is right about the last entry and the
  // count.
  bool EndsWell() const;

 private:
  std::string_view blob_;
  size_t at_ = 10;
  size_t last_ = 0;  // where the last entry begins
  size_t size_before_ = 0;
  size_t count_ = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_PERSISTENCE_ZIPLIST_H_
