#ifndef RESPROBE_CORE_KEYSPACE_ACCOUNTING_H_
#define RESPROBE_CORE_KEYSPACE_ACCOUNTING_H_

#include <cstddef>
#include <string_view>

namespace resprobe {

// The cost model of Keyspace::used_memory(): the stored bytes, plus a fixed cost for each key and
// each element. It depends on the contents alone, never on capacities.
inline constexpr size_t kKeyOverhead = 64;
inline constexpr size_t kElementOverhead = 16;

inline size_t ElementBytes(std::string_view element) { return element.size() + kElementOverhead; }

// Slots that a container keeps for reuse when it is emptied.
inline constexpr size_t kMaxIdleSlots = 1024;

}  // namespace resprobe

#endif  // RESPROBE_CORE_KEYSPACE_ACCOUNTING_H_
