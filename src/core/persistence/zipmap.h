#ifndef RESPROBE_CORE_PERSISTENCE_ZIPMAP_H_
#define RESPROBE_CORE_PERSISTENCE_ZIPMAP_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/persistence/packed.h"

namespace resprobe {

// A zipmap (redis 7.0 zipmap.c), the small hash of servers before 2.6: a count, pairs of field and
// value, and an end mark.
class ZipmapReader {
 public:
  explicit ZipmapReader(std::string_view blob) : blob_(blob) {}

  // The size and the end mark. Next() requires it.
  bool HeaderFits() const;
  // Fields and values in turn.
  PackedStep Next(PackedElement* element);
  // After kEnd: the end mark is the last byte, there is a pair, and the count of the header is
  // right.
  bool EndsWell() const;

 private:
  // False if the length does not lie inside.
  bool ReadLength(size_t* length);

  std::string_view blob_;
  size_t at_ = 1;
  size_t elements_ = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_PERSISTENCE_ZIPMAP_H_
