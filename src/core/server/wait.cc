#include "core/server/wait.h"

#include <cmath>

#include "core/server/server.h"

namespace resprobe {

bool ParseTimeout(CommandContext& c, size_t i, TimeoutUnit unit, int64_t* until) {
  constexpr std::string_view kOutOfRange = "ERR timeout is out of range";
  constexpr std::string_view kNegative = "ERR timeout is negative";
  int64_t timeout;
  if (unit == TimeoutUnit::kSeconds) {
    long double seconds;
    if (!ParseLongDouble(c.args[i], &seconds)) {
      return c.Error("ERR timeout is not a float or out of range");
    }
    const long double milliseconds = std::ceil(seconds * 1000.0L);
    if (seconds * 1000.0L > static_cast<long double>(INT64_MAX) && c.traits().timeout_range) {
      return c.Error(kOutOfRange);
    }
    // The server's conversion turns a value that is too large negative.
    if (milliseconds > static_cast<long double>(INT64_MAX) || milliseconds < 0) {
      return c.Error(kNegative);
    }
    timeout = static_cast<int64_t>(milliseconds);
  } else if (!c.Int(i, &timeout, "ERR timeout is not an integer or out of range")) {
    return false;
  }
  if (timeout < 0) return c.Error(kNegative);
  if (timeout > INT64_MAX - c.keyspace.now_ms() && c.traits().timeout_range) {
    return c.Error(kOutOfRange);
  }
  // A time that overflows, which wraps around on the server, never comes either.
  const int64_t now = c.keyspace.now_ms();
  *until = timeout == 0 || timeout > INT64_MAX - now ? 0 : now + timeout;
  return true;
}

void ReplyNothing(const Server& server, resp::Writer& reply, const Wait& wait) {
  switch (wait.nothing) {
    case Wait::Nothing::kNullArray:
      return reply.NullArray();
    case Wait::Nothing::kReplicas:
      return reply.Integer(server.source().CountAcknowledged(wait.offset));
    case Wait::Nothing::kDurable:
      reply.ArrayHeader(2);
      reply.Integer(server.persistence().IsDurable(wait.mark) ? 1 : 0);
      return reply.Integer(server.source().CountDurable(wait.offset));
  }
}

void WaitOrReplyNothing(CommandContext& c, const Wait& wait) {
  if (c.client.multi) {
    ReplyNothing(c.server, c.reply, wait);
  } else {
    c.server.Block(c, wait);
  }
}

}  // namespace resprobe
