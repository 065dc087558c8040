#ifndef RESPROBE_CORE_COMMANDS_INDEX_RANGE_H_
#define RESPROBE_CORE_COMMANDS_INDEX_RANGE_H_

#include <cstddef>
#include <cstdint>

namespace resprobe {

// The positions [first, first + count) of a sequence.
struct IndexRange {
  size_t first = 0;
  size_t count = 0;
};

// The range that inclusive `start` and `stop` select in a sequence of `size` elements: negative
// ones count from the end, and the result is clamped to the sequence (LRANGE, LTRIM, ZRANGE).
inline IndexRange ClampRange(int64_t start, int64_t stop, size_t size) {
  const auto length = static_cast<int64_t>(size);
  if (start < 0) start += length;
  if (stop < 0) stop += length;
  if (start < 0) start = 0;
  if (start > stop || start >= length) return {};
  if (stop >= length) stop = length - 1;
  return {static_cast<size_t>(start), static_cast<size_t>(stop - start + 1)};
}

// The position that an index denotes, counted from the end if negative; `size` or more if there is
// none.
inline size_t ClampIndex(int64_t index, size_t size) {
  if (index < 0) index += static_cast<int64_t>(size);
  return index < 0 ? size : static_cast<size_t>(index);
}

}  // namespace resprobe

#endif  // RESPROBE_CORE_COMMANDS_INDEX_RANGE_H_
