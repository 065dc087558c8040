#ifndef RESPROBE_CACHELAB_SUBJECT_FAILPOINT_H_
#define RESPROBE_CACHELAB_SUBJECT_FAILPOINT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace resprobe::cachelab {

// Points at which a worker can be held, or gets a signal: moments at which a death has left caches
// stale, locked or torn.
enum class Failpoint : uint8_t {
  kNone,
  kBeforeReply,  // the read is sent, its reply is not read yet
  kBeforePut,    // the reply has arrived, and is not in the cache
  kLocked,       // the cache is locked for the put, nothing is written
  kInsidePut,    // half of the entry is written, under the lock
  kBeforeDrop,   // an invalidation is read from the connection, its entries are still in the cache
};

inline constexpr std::array kFailpoints = {Failpoint::kBeforeReply, Failpoint::kBeforePut,
                                           Failpoint::kLocked, Failpoint::kInsidePut,
                                           Failpoint::kBeforeDrop};

// True if the worker holds the lock there. It cannot be held then: all others would wait for it.
constexpr bool IsUnderLock(Failpoint point) {
  return point == Failpoint::kLocked || point == Failpoint::kInsidePut;
}

inline constexpr std::string_view kFailpointNames[] = {"none",   "before-reply", "before-put",
                                                       "locked", "inside-put",   "before-drop"};

constexpr std::string_view FailpointName(Failpoint point) {
  return kFailpointNames[static_cast<size_t>(point)];
}

inline std::optional<Failpoint> ParseFailpoint(std::string_view name) {
  for (const Failpoint point : kFailpoints) {
    if (FailpointName(point) == name) return point;
  }
  return std::nullopt;
}

}  // namespace resprobe::cachelab

#endif  // RESPROBE_CACHELAB_SUBJECT_FAILPOINT_H_
