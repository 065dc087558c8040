#ifndef RESPROBE_CACHELAB_SUBJECT_FAILPOINT_H_
#define RESPROBE_CACHELAB_SUBJECT_FAILPOINT_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace resprobe::live {

// Where a worker can be held, or meet a signal: the moments at which a death used to leave caches
// stale, locked or torn.
enum class Point : uint8_t {
  kNone,
  kBeforeReply,  // the read is sent, its reply not taken
  kBeforePut,    // the reply is there, and not in the cache
  kLocked,       // the cache is locked for the put, nothing is written
  kInsidePut,    // half of the entry is written, under the lock
  kBeforeDrop,   // an invalidation is read from the connection, its entries are still there
};

inline constexpr std::array kPoints = {Point::kBeforeReply, Point::kBeforePut, Point::kLocked,
                                       Point::kInsidePut, Point::kBeforeDrop};

// A worker that holds the lock cannot be held: all others would wait for it.
constexpr bool IsUnderLock(Point point) {
  return point == Point::kLocked || point == Point::kInsidePut;
}

constexpr std::string_view PointName(Point point) {
  switch (point) {
    case Point::kNone:
      return "none";
    case Point::kBeforeReply:
      return "before-reply";
    case Point::kBeforePut:
      return "before-put";
    case Point::kLocked:
      return "locked";
    case Point::kInsidePut:
      return "inside-put";
    case Point::kBeforeDrop:
      return "before-drop";
  }
  return "none";
}

inline std::optional<Point> ParsePoint(std::string_view name) {
  for (const Point point : kPoints) {
    if (PointName(point) == name) return point;
  }
  return std::nullopt;
}

}  // namespace resprobe::live

#endif  // RESPROBE_CACHELAB_SUBJECT_FAILPOINT_H_
