#ifndef RESPROBE_CORE_COMMANDS_BLOCKING_H_
#define RESPROBE_CORE_COMMANDS_BLOCKING_H_

#include <cstddef>
#include <cstdint>

#include "core/commands/command.h"
#include "core/server/client.h"

namespace resprobe {

enum class TimeoutUnit : uint8_t { kSeconds, kMilliseconds };

// The timeout at args[i] (timeout.c getTimeoutFromObjectOrReply) as absolute milliseconds, rounded
// up; 0 for never. False after an error reply.
bool ParseTimeout(CommandContext& c, size_t i, TimeoutUnit unit, int64_t* until);

// There is nothing to answer with yet: the client waits, or inside MULTI, where nothing waits, is
// told so at once.
void WaitOrReplyNothing(CommandContext& c, const Wait& wait);

// What a client is told that has waited in vain.
void ReplyNothing(resp::Writer& reply, Wait::Nothing nothing);

}  // namespace resprobe

#endif  // RESPROBE_CORE_COMMANDS_BLOCKING_H_
