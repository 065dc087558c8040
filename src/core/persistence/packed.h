#ifndef RESPROBE_CORE_PERSISTENCE_PACKED_H_
#define RESPROBE_CORE_PERSISTENCE_PACKED_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "core/keyspace/integers.h"

namespace resprobe {

// An element of a packed blob (listpack, ziplist, intset, zipmap).
struct PackedElement {
  std::string_view text;  // bytes of the blob, unless it is a number
  int64_t number = 0;
  bool is_number = false;

  // The element as a string; `digits` holds at least 20 bytes, and the result may point into it.
  std::string_view Text(std::span<char> digits) const {
    return is_number ? FormatInt64(number, digits) : text;
  }
};

// What a reader of a packed blob finds next. Each reader reads any bytes: it never reads outside of
// the blob, and takes a number of steps in proportion to its size.
enum class PackedStep : uint8_t {
  kElement,
  kEnd,
  kBroken,  // an entry that does not lie inside, or whose lengths contradict each other
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_PERSISTENCE_PACKED_H_
