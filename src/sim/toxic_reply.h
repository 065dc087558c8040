#ifndef RESPROBE_SIM_TOXIC_REPLY_H_
#define RESPROBE_SIM_TOXIC_REPLY_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "sim/toxic.h"

namespace resprobe {

// Appends to `out` what a peer with this toxic sends in place of one whole reply; `number` counts
// the replies of the connection from 1. Returns whether the toxic did something; if not (another
// reply is meant, or it applies to no such reply), the reply is appended as it is. A toxic of
// another place than kReply does nothing. Never reads past the reply, whatever bytes it is.
bool EditReply(const Toxic& toxic, uint64_t number, std::string_view reply, std::string* out);

// The length in bytes of the first whole value of `bytes` (RESP2 or RESP3, with the attributes
// before it); 0 if it is not whole, and `bytes.size()` if it is no value at all.
size_t ReplyLength(std::string_view bytes);

// What the toxic `push` sends for its attribute `form`: an invalidation, one of a null (FLUSHDB),
// booleans and doubles inside, a message of pub/sub, an empty push, nested aggregates.
std::string_view PushText(int64_t form);

}  // namespace resprobe

#endif  // RESPROBE_SIM_TOXIC_REPLY_H_
