#ifndef RESPROBE_CACHELAB_SUBJECT_INJECTED_FAULT_H_
#define RESPROBE_CACHELAB_SUBJECT_INJECTED_FAULT_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace resprobe::cachelab {

// A fault that real caching clients have had, injected into the workers to show that a run finds
// it.
enum class InjectedFault : uint8_t {
  kNone,
  kKeepOnLoss,      // the entries of a lost connection stay
  kPutAfterDrop,    // a reply is cached although its key was invalidated in the meantime
  kIgnoreNullPush,  // the push of a flush is ignored
  kKeepOwnWrites,   // a write through the cache leaves the entry until the invalidation arrives
  kShortName,       // the cache's key is the command and its key, without the other arguments
  kTrustTheDead,    // the entries of a worker that died stay
  kHalfPut,         // an entry is valid with half of its value
  kHangOnTheDead,   // a worker that finds the lock held by a dead one waits forever
  kCrashOnWrite,    // a worker that has written through the cache crashes
};

struct InjectedFaultInfo {
  InjectedFault injected_fault;
  std::string_view name;
  std::string_view what;
};

inline constexpr std::array kInjectedFaults = {
    InjectedFaultInfo{InjectedFault::kKeepOnLoss, "keep-on-loss",
                      "a lost connection's entries stay"},
    InjectedFaultInfo{InjectedFault::kPutAfterDrop, "put-after-drop",
                      "a reply is cached although its key was invalidated on the way"},
    InjectedFaultInfo{InjectedFault::kIgnoreNullPush, "ignore-null-push",
                      "the push of a flush is ignored"},
    InjectedFaultInfo{InjectedFault::kKeepOwnWrites, "keep-own-writes",
                      "a write through the cache leaves the entry to the invalidation"},
    InjectedFaultInfo{InjectedFault::kShortName, "short-name",
                      "entries are named by command and key, without the other arguments"},
    InjectedFaultInfo{InjectedFault::kTrustTheDead, "trust-the-dead",
                      "entries of a worker that died stay"},
    InjectedFaultInfo{InjectedFault::kHalfPut, "half-put",
                      "an entry is valid with half of its value"},
    InjectedFaultInfo{InjectedFault::kHangOnTheDead, "hang-on-the-dead",
                      "a worker that finds the lock left by a dead one waits for ever"},
    InjectedFaultInfo{InjectedFault::kCrashOnWrite, "crash-on-write",
                      "a worker that has written through the cache crashes"},
};

inline std::optional<InjectedFault> ParseInjectedFault(std::string_view name) {
  for (const InjectedFaultInfo& info : kInjectedFaults) {
    if (info.name == name) return info.injected_fault;
  }
  return std::nullopt;
}

}  // namespace resprobe::cachelab

#endif  // RESPROBE_CACHELAB_SUBJECT_INJECTED_FAULT_H_
