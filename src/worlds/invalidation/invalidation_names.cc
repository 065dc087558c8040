#include "worlds/invalidation/invalidation_names.h"

#include <limits>

#include "worlds/invalidation/invalidation_ops.h"

namespace resprobe {
namespace {

using invalidation::kSlots;
using invalidation::kStrings;

constexpr std::string_view kKeys[] = {"k0", "k1", "k2", "k3", "h0", "h0", "h1", "h1"};
constexpr std::string_view kFields[] = {"", "", "", "", "f0", "f1", "f0", "f1"};
static_assert(std::size(kKeys) == kSlots && std::size(kFields) == kSlots);

}  // namespace

std::string_view SlotKey(size_t slot) { return kKeys[slot]; }
std::string_view SlotField(size_t slot) { return kFields[slot]; }

std::string SlotName(size_t slot) {
  std::string name(kKeys[slot]);
  if (slot >= kStrings) name.append(".").append(kFields[slot]);
  return name;
}

uint64_t ValueNumber(bool null, std::string_view text) {
  if (null) return 0;
  uint64_t number = 0;
  const char* const end = text.data() + text.size();
  if (text.size() < 2 || text[0] != 'v') return std::numeric_limits<uint64_t>::max();
  const auto [stop, status] = std::from_chars(text.data() + 1, end, number);
  return status == std::errc() && stop == end ? number : std::numeric_limits<uint64_t>::max();
}

std::string DescribeValue(uint64_t number) {
  if (number == 0) return "nil";
  if (number == std::numeric_limits<uint64_t>::max()) return "a value that nobody has written";
  return std::string(ValueText(number).view());
}

}  // namespace resprobe
