#ifndef RESPROBE_WORLDS_INVALIDATION_INVALIDATION_NAMES_H_
#define RESPROBE_WORLDS_INVALIDATION_INVALIDATION_NAMES_H_

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/cache/cache.h"
#include "worlds/invalidation/invalidation_ops.h"

namespace resprobe {

namespace invalidation {

inline constexpr int64_t kTtlCapMs = 500;
inline constexpr int64_t kLeaseMs = 400;
// The longest duration in an op.
inline constexpr int64_t kMaxMs = 100'000'000;

}  // namespace invalidation

// The parts of a slot's name: its key, and its field or "".
std::string_view SlotKey(size_t slot);
std::string_view SlotField(size_t slot);
// "k0", "h1.f0".
std::string SlotName(size_t slot);
// The first slot of a key, and the number of its slots; kSlots if the world has no such key.
inline size_t SlotOfKey(std::string_view key) {
  using invalidation::kSlots;
  using invalidation::kStrings;
  // Compares letters: this runs for every entry of every cache, and a string comparison is a call.
  if (key.size() != 2 || key[1] < '0') return kSlots;
  const auto number = static_cast<size_t>(key[1] - '0');
  if (key[0] == 'k') return number < kStrings ? number : kSlots;
  return key[0] == 'h' && number < (kSlots - kStrings) / 2 ? kStrings + 2 * number : kSlots;
}
inline size_t SlotsOfKey(size_t first) { return first < invalidation::kStrings ? 1 : 2; }
// The number of a field; that of the first field if it is unknown.
inline size_t FieldNumber(std::string_view field) {
  return field.size() == 2 && field[0] == 'f' && field[1] == '1' ? 1 : 0;
}
// The slot of a cache's entry, which is one of its keys or of its fields; kSlots if the world has
// no such slot.
inline size_t SlotOfEntry(std::string_view name, bool field) {
  if (!field) return SlotOfKey(name);
  const size_t first = SlotOfKey(cache::Cache::KeyOfField(name));
  return first == invalidation::kSlots ? first : first + FieldNumber(cache::Cache::FieldOf(name));
}

// The value number n, from 1, is "v<n>".
struct ValueText {
  explicit ValueText(uint64_t number) {
    text[0] = 'v';
    size = static_cast<size_t>(std::to_chars(text + 1, text + sizeof(text), number).ptr - text);
  }
  std::string_view view() const { return {text, size}; }
  char text[24];
  size_t size;
};

// The number of a value: 0 for nil, the largest number for a value that the world has never
// written.
uint64_t ValueNumber(bool null, std::string_view text);
// "v7", or "nil".
std::string DescribeValue(uint64_t number);

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_INVALIDATION_INVALIDATION_NAMES_H_
