#include "core/commands/expire_time.h"

namespace resprobe {

bool ParseStringExpiry(CommandContext& c, std::string_view text, ExpireUnit unit, bool absolute,
                       int64_t* at) {
  int64_t value;
  if (!ParseInt64(text, &value)) return c.Error(errors::kNotInteger);
  if (value <= 0) return c.InvalidExpireTime();
  if (unit == ExpireUnit::kSeconds) {
    if (value > INT64_MAX / 1000) return c.InvalidExpireTime();
    value *= 1000;
  }
  if (!absolute && __builtin_add_overflow(value, c.keyspace.now_ms(), &value)) {
    return c.InvalidExpireTime();
  }
  *at = value;
  return true;
}

bool ParseKeyExpiry(CommandContext& c, std::string_view text, ExpireUnit unit, bool absolute,
                    int64_t* at) {
  int64_t value;
  if (!ParseInt64(text, &value)) return c.Error(errors::kNotInteger);
  if (unit == ExpireUnit::kSeconds) {
    if (value > INT64_MAX / 1000 || value < INT64_MIN / 1000) return c.InvalidExpireTime();
    value *= 1000;
  }
  const int64_t base = absolute ? 0 : c.keyspace.now_ms();
  if (value > INT64_MAX - base) return c.InvalidExpireTime();
  *at = value + base;
  return true;
}

}  // namespace resprobe
