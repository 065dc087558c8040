#ifndef RESPROBE_SIM_TOXIC_REPLY_H_
#define RESPROBE_SIM_TOXIC_REPLY_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "sim/toxic.h"

namespace resprobe {

// Appends to `out` what a peer with this toxic sends instead of one whole reply; `number` counts
// the replies of the connection from 1. Returns whether the toxic had an effect; if not (it selects
// another reply, or does not apply to this one), the reply is appended unchanged. A toxic of
// another place than kReply has no effect. Never reads past the reply, whatever its bytes are.
bool EditReply(const Toxic& toxic, uint64_t number, std::string_view reply, std::string* out);

// The length in bytes of the first complete value of `bytes` (RESP2 or RESP3, with the attributes
// before it); 0 if it is incomplete, and `bytes.size()` if it is not a value.
size_t ReplyLength(std::string_view bytes);

// What the toxic `push` sends for its attribute `form`: an invalidation, one of a null (FLUSHDB),
// booleans and doubles inside, a message of pub/sub, an empty push, nested aggregates.
std::string_view PushText(int64_t form);

}  // namespace resprobe

#endif  // RESPROBE_SIM_TOXIC_REPLY_H_
