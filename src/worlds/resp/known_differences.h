#ifndef RESPROBE_WORLDS_RESP_KNOWN_DIFFERENCES_H_
#define RESPROBE_WORLDS_RESP_KNOWN_DIFFERENCES_H_

// Where the core's reply parser and hiredis's reader differ by design, by version of hiredis.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/resp/reply.h"
#include "core/resp/reply_parser.h"

namespace resprobe {

// 1.2.0 is 10200. (The releases 1.2.1, 1.3.1 and 1.4.1 still say 1.2.0, 1.3.0 and 1.4.0.)
constexpr int HiredisVersion(int major, int minor, int patch) {
  return major * 10000 + minor * 100 + patch;
}
inline constexpr int kEveryVersion = 0;
inline constexpr int kNoEnd = 1 << 30;

enum class Outcome : uint8_t { kValue, kNeedMore, kError };
std::string_view Name(Outcome outcome);

// The first byte of a stream after which the two parsers, fed byte by byte, report different
// outcomes.
struct Divergence {
  int version = 0;  // of hiredis
  size_t at = 0;    // the offset of that byte
  Outcome core = Outcome::kNeedMore;
  Outcome hiredis = Outcome::kNeedMore;
  resp::ParseError core_error = {};     // if core is kError
  std::string_view hiredis_error = {};  // if hiredis is kError
  // The line (type byte to LF) or the bulk so far, including that byte.
  std::string_view token = {};
  uint32_t depth = 0;           // aggregates open around the token
  bool attribute_seen = false;  // in this value, complete or not
};

struct KnownDifference {
  std::string_view id;
  std::string_view what;
  int from;  // the first version of hiredis for which it holds
  int to;    // the first version for which it does not hold
  std::string_view why;
  // True if the difference causes this divergence; it need not check the version.
  bool (*explains)(const Divergence& seen);
};

std::span<const KnownDifference> KnownDifferences();

// The known difference that explains the divergence, or nullptr.
const KnownDifference* Explain(const Divergence& seen);

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_RESP_KNOWN_DIFFERENCES_H_
