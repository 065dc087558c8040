#ifndef RESPROBE_CORE_COMMANDS_EXPIRE_TIME_H_
#define RESPROBE_CORE_COMMANDS_EXPIRE_TIME_H_

#include <cstdint>
#include <string_view>

#include "core/table/command.h"

namespace resprobe {

enum class ExpireUnit : uint8_t { kSeconds, kMilliseconds };

// Converts the time argument of SET, SETEX, PSETEX and GETEX to absolute milliseconds (t_string.c
// getExpireMillisecondsOrReply): positive, and without overflow. False after an error reply.
bool ParseStringExpiry(CommandContext& c, std::string_view text, ExpireUnit unit, bool absolute,
                       int64_t* at);

// The same for the EXPIRE family (expire.c expireGenericCommand): any sign.
bool ParseKeyExpiry(CommandContext& c, std::string_view text, ExpireUnit unit, bool absolute,
                    int64_t* at);

}  // namespace resprobe

#endif  // RESPROBE_CORE_COMMANDS_EXPIRE_TIME_H_
