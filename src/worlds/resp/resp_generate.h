#ifndef RESPROBE_WORLDS_RESP_RESP_GENERATE_H_
#define RESPROBE_WORLDS_RESP_RESP_GENERATE_H_

#include <cstddef>
#include <cstdint>

#include "engine/harness.h"
#include "engine/rng.h"

namespace resprobe {

// How often each kind of value occurs in a generated stream: weights, 0 for never.
struct RespMix {
  enum Kind : uint8_t {
    kSimpleString,
    kSimpleError,
    kInteger,
    kBulkString,
    kNull,
    kArray,
    kBoolean,
    kDouble,
    kBigNumber,
    kBulkError,
    kVerbatim,
    kMap,
    kSet,
    kPush,
    kAttribute,
    kStreamedString,
    kStreamedAggregate,
    kKinds,
  };
  uint8_t weights[kKinds] = {};
  uint8_t odd_percent = 0;     // edge values, or forms that servers do not send
  uint8_t broken_percent = 0;  // streams with some bytes changed, deleted or duplicated
  uint8_t depth = 3;

  // Disables some kinds and boosts others, so that the streams of one seed have a common character.
  static RespMix Swarm(Rng& rng);
  // Keeps only the types of RESP2.
  void KeepResp2();
};

// Appends a plausible stream of replies, or of requests (multibulk and inline), some of them
// broken, or truncated at the end.
void GenerateReplies(Rng& rng, const RespMix& mix, Tape* out);
void GenerateRequests(Rng& rng, const RespMix& mix, Tape* out);
// One inline request of quotes, escapes and blanks, some of them unbalanced.
void GenerateInline(Rng& rng, Tape* out);

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_RESP_RESP_GENERATE_H_
