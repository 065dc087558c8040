#ifndef RESPROBE_LIVE_RESTORE_RESTORE_WORLD_H_
#define RESPROBE_LIVE_RESTORE_RESTORE_WORLD_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "engine/codec.h"
#include "engine/op.h"

namespace resprobe::live {

// How the bytes of a payload end: the version of the RDB format and a checksum.
enum class Footer : uint8_t {
  kRight,     // the server's version, and the checksum of what was changed
  kOlder,     // an earlier version
  kNewer,     // a later version
  kChecksum,  // a wrong checksum
  kZero,      // the checksum 0
  kNone,      // nothing: what looks like a footer belongs to the value
};
inline constexpr std::string_view kFooterNames[] = {"right",    "older", "newer",
                                                    "checksum", "zero",  "none"};
constexpr std::span<const std::string_view> EnumNames(Footer) { return kFooterNames; }

// The ops of `oracle --restore`: values that a server is given by RESTORE or SET, and calls on
// them. They run on a live server alone (restore_runner.h), so this world is only what a case looks
// like. The keys of a case are k0, k1 and k2, in calls as plain words; they are deleted at its end.
struct RestoreWorld {
  static constexpr std::string_view kName = "restore";
  static constexpr int kKeys = 3;
  static constexpr std::string_view kKeyNames[kKeys] = {"k0", "k1", "k2"};

  struct Config {
    bool sanitize = false;  // the server's sanitize-dump-payload
  };
  // RESTORE KEY 0 PAYLOAD REPLACE. A payload is `value` (the type and the value) and its footer, so
  // that a value can be changed without a thought about the checksum, and works on servers with
  // another version of the format.
  struct Restore {
    static constexpr std::string_view kName = "restore";
    Index key;
    Footer footer = Footer::kRight;
    Text value;
  };
  // SET KEY VALUE: a string that commands read as something else (HyperLogLogs, bitmaps).
  struct Set {
    static constexpr std::string_view kName = "set";
    Index key;
    Text value;
  };
  struct Call {
    static constexpr std::string_view kName = "call";
    Args args;
  };
  using Op = std::variant<Restore, Set, Call>;
};

using RestoreCase = Case<RestoreWorld>;

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_RESTORE_RESTORE_WORLD_H_
