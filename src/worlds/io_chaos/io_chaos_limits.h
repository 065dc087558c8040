#ifndef RESPROBE_WORLDS_IO_CHAOS_IO_CHAOS_LIMITS_H_
#define RESPROBE_WORLDS_IO_CHAOS_IO_CHAOS_LIMITS_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

// Shared by the parts of the world `io_chaos`; internal to it.
namespace resprobe::io_chaos {

inline constexpr std::string_view kKeys[] = {"a", "b", "c"};
inline constexpr size_t kMostBytes = 16 * 1024;  // of an upload or a download
inline constexpr size_t kAll = SIZE_MAX;

}  // namespace resprobe::io_chaos

#endif  // RESPROBE_WORLDS_IO_CHAOS_IO_CHAOS_LIMITS_H_
