#ifndef RESPROBE_CORE_SERVER_WAIT_H_
#define RESPROBE_CORE_SERVER_WAIT_H_

#include <cstddef>
#include <cstdint>

#include "core/server/client.h"
#include "core/table/command.h"

namespace resprobe {

enum class TimeoutUnit : uint8_t { kSeconds, kMilliseconds };

// Converts the timeout at args[i] (timeout.c getTimeoutFromObjectOrReply) to absolute milliseconds,
// rounded up; 0: no timeout. False after an error reply.
bool ParseTimeout(CommandContext& c, size_t i, TimeoutUnit unit, int64_t* until);

// Called when there is no result yet: blocks the client, or inside MULTI, where commands do not
// block, replies at once as after a timeout.
void WaitOrReplyNothing(CommandContext& c, const Wait& wait);

// Writes the reply after a timeout.
void ReplyNothing(const Server& server, resp::Writer& reply, const Wait& wait);

}  // namespace resprobe

#endif  // RESPROBE_CORE_SERVER_WAIT_H_
