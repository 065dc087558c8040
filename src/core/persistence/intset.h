#ifndef RESPROBE_CORE_PERSISTENCE_INTSET_H_
#define RESPROBE_CORE_PERSISTENCE_INTSET_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/persistence/packed.h"

namespace resprobe {

// An intset (redis 7.0 intset.c): the width of its numbers in bytes, their count, the numbers in
// ascending order.
class IntsetReader {
 public:
  explicit IntsetReader(std::string_view blob) : blob_(blob) {}

  // The shallow check: the width exists, the count is that of the bytes, and not 0. Next() requires
  // it.
  bool HeaderFits();
  // kBroken: the number is not greater than the one before, though it can still be read.
  PackedStep Next(PackedElement* element);

 private:
  std::string_view blob_;
  size_t width_ = 0;
  size_t at_ = 8;
  int64_t before_ = 0;
};

// `numbers` must be ascending.
void AppendIntset(std::span<const int64_t> numbers, std::string* out);

}  // namespace resprobe

#endif  // RESPROBE_CORE_PERSISTENCE_INTSET_H_
