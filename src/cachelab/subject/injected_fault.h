#ifndef RESPROBE_CACHELAB_SUBJECT_INJECTED_FAULT_H_
#define RESPROBE_CACHELAB_SUBJECT_INJECTED_FAULT_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace resprobe::live {

// A fault that caching clients have really had, put into the workers on purpose, so that a run can
// be seen to find it.
enum class Plant : uint8_t {
  kNone,
  kKeepOnLoss,      // a lost connection's entries stay
  kPutAfterDrop,    // a reply is cached although its key was invalidated on the way
  kIgnoreNullPush,  // the push of a flush is ignored
  kKeepOwnWrites,   // a write through the cache leaves the entry to the invalidation
  kShortName,       // the cache's key is the command and its key, without the other arguments
  kTrustTheDead,    // entries of a worker that died stay
  kHalfPut,         // an entry is valid with half of its value
  kHangOnTheDead,   // a worker that finds the lock left by a dead one waits for ever
};

struct PlantInfo {
  Plant plant;
  std::string_view name;
  std::string_view what;
};

inline constexpr std::array kPlants = {
    PlantInfo{Plant::kKeepOnLoss, "keep-on-loss", "a lost connection's entries stay"},
    PlantInfo{Plant::kPutAfterDrop, "put-after-drop",
              "a reply is cached although its key was invalidated on the way"},
    PlantInfo{Plant::kIgnoreNullPush, "ignore-null-push", "the push of a flush is ignored"},
    PlantInfo{Plant::kKeepOwnWrites, "keep-own-writes",
              "a write through the cache leaves the entry to the invalidation"},
    PlantInfo{Plant::kShortName, "short-name",
              "entries are named by command and key, without the other arguments"},
    PlantInfo{Plant::kTrustTheDead, "trust-the-dead", "entries of a worker that died stay"},
    PlantInfo{Plant::kHalfPut, "half-put", "an entry is valid with half of its value"},
    PlantInfo{Plant::kHangOnTheDead, "hang-on-the-dead",
              "a worker that finds the lock left by a dead one waits for ever"},
};

inline std::optional<Plant> ParsePlant(std::string_view name) {
  for (const PlantInfo& info : kPlants) {
    if (info.name == name) return info.plant;
  }
  return std::nullopt;
}

}  // namespace resprobe::live

#endif  // RESPROBE_CACHELAB_SUBJECT_INJECTED_FAULT_H_
