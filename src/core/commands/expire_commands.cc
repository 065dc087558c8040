// Expiry of keys (redis 7.0 expire.c).

#include "core/commands/expire_time.h"
#include "core/server/propagate.h"
#include "core/table/command.h"
#include "core/table/groups.h"

namespace resprobe {
namespace {

struct ExpireCondition {
  bool nx = false;
  bool xx = false;
  bool gt = false;
  bool lt = false;

  // True if a key whose expiry is `current` may be given `at`. No expiry counts as infinite.
  bool Allows(int64_t current, int64_t at) const {
    if (nx && current != kNoExpiry) return false;
    if (xx && current == kNoExpiry) return false;
    if (gt && (current == kNoExpiry || at <= current)) return false;
    if (lt && current != kNoExpiry && at >= current) return false;
    return true;
  }
};

bool ParseExpireCondition(CommandContext& c, ExpireCondition* condition) {
  for (size_t i = 3; i < c.argc(); ++i) {
    if (c.Is(i, "NX")) {
      condition->nx = true;
    } else if (c.Is(i, "XX")) {
      condition->xx = true;
    } else if (c.Is(i, "GT")) {
      condition->gt = true;
    } else if (c.Is(i, "LT")) {
      condition->lt = true;
    } else {
      return c.ErrorAbout("ERR Unsupported option ", c.args[i]);
    }
  }
  if (condition->nx && (condition->xx || condition->gt || condition->lt)) {
    return c.Error("ERR NX and XX, GT or LT options at the same time are not compatible");
  }
  if (condition->gt && condition->lt) {
    return c.Error("ERR GT and LT options at the same time are not compatible");
  }
  return true;
}

// As an absolute time, with all conditions as they were given (redis 7.0 expire.c
// expireGenericCommand).
[[gnu::cold, gnu::noinline]] void PropagateExpiry(CommandContext& c, int64_t at) {
  char digits[kNumberBufferSize];
  c.views.assign(c.args.begin(), c.args.end());
  c.views[0] = "PEXPIREAT";
  c.views[2] = FormatInt64(at, digits);
  c.server.propagation().Instead(c.db, c.views);
}

void SetExpiry(CommandContext& c, ExpireUnit unit, bool absolute) {
  const std::string_view key = c.args[1];
  ExpireCondition condition;
  int64_t at;
  if (!ParseExpireCondition(c, &condition) || !ParseKeyExpiry(c, c.args[2], unit, absolute, &at)) {
    return;
  }
  const Object* object = c.keyspace.Find(c.db, key);
  if (object == nullptr || !condition.Allows(object->expire_at(), at)) {
    c.reply.Integer(0);
    return;
  }
  if (c.keyspace.AlreadyExpired(at)) {
    c.keyspace.Delete(c.db, key);
    PropagateDeletion(c, key);
  } else {
    c.keyspace.SetExpiry(c.db, key, at);
    c.Modified(key);
    const bool is_pexpireat = absolute && unit == ExpireUnit::kMilliseconds;
    if (!is_pexpireat && c.server.propagation().records()) [[unlikely]]
      PropagateExpiry(c, at);
  }
  c.reply.Integer(1);
}
void Expire(CommandContext& c) { SetExpiry(c, ExpireUnit::kSeconds, false); }
void PExpire(CommandContext& c) { SetExpiry(c, ExpireUnit::kMilliseconds, false); }
void ExpireAt(CommandContext& c) { SetExpiry(c, ExpireUnit::kSeconds, true); }
void PExpireAt(CommandContext& c) { SetExpiry(c, ExpireUnit::kMilliseconds, true); }

void ReplyExpiry(CommandContext& c, ExpireUnit unit, bool absolute) {
  const Object* object = c.keyspace.Look(c.db, c.args[1]);
  if (object == nullptr || object->expire_at() == kNoExpiry) {
    c.reply.Integer(object == nullptr ? -2 : -1);
    return;
  }
  const int64_t ms = object->expire_at() - (absolute ? 0 : c.keyspace.now_ms());
  // Rounded to the nearest second; the addition must not overflow near INT64_MAX.
  c.reply.Integer(unit == ExpireUnit::kMilliseconds
                      ? ms
                      : static_cast<int64_t>((static_cast<uint64_t>(ms) + 500) / 1000));
}
void Ttl(CommandContext& c) { ReplyExpiry(c, ExpireUnit::kSeconds, false); }
void PTtl(CommandContext& c) { ReplyExpiry(c, ExpireUnit::kMilliseconds, false); }
void ExpireTime(CommandContext& c) { ReplyExpiry(c, ExpireUnit::kSeconds, true); }
void PExpireTime(CommandContext& c) { ReplyExpiry(c, ExpireUnit::kMilliseconds, true); }

void Persist(CommandContext& c) {
  const Object* object = c.keyspace.Find(c.db, c.args[1]);
  const bool persisted = object != nullptr && object->expire_at() != kNoExpiry;
  if (persisted) {
    c.keyspace.SetExpiry(c.db, c.args[1], kNoExpiry);
    c.Modified(c.args[1]);
  }
  c.reply.Integer(persisted);
}

constexpr CommandGroup kGroup = CommandGroup::kGeneric;

constexpr std::string_view kExpireSyntaxSeconds = "key seconds [NX | XX | GT | LT]";
constexpr std::string_view kExpireSyntaxMs = "key milliseconds [NX | XX | GT | LT]";
constexpr std::string_view kExpireAtSyntaxSeconds = "key unix-time-seconds [NX | XX | GT | LT]";
constexpr std::string_view kExpireAtSyntaxMs = "key unix-time-milliseconds [NX | XX | GT | LT]";

constexpr CommandSpec kExpireCommands[] = {
    {.name = "expire",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = OneKey().Uses(kUpdates),
     .group = kGroup,
     .since = "1.0.0",
     .summary = "Let a key expire after seconds",
     .syntax = kExpireSyntaxSeconds,
     .reply = "int(0..1)",
     .handler = Expire,
     .traits = {.time = {TimeArgument::Kind::kFromNow, 2, 1000}}},
    {.name = "expireat",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = OneKey().Uses(kUpdates),
     .group = kGroup,
     .since = "1.2.0",
     .summary = "Let a key expire at a time in seconds",
     .syntax = kExpireAtSyntaxSeconds,
     .reply = "int(0..1)",
     .handler = ExpireAt,
     .traits = {.time = {TimeArgument::Kind::kPoint, 2, 1000}}},
    {.name = "expiretime",
     .arity = 2,
     .flags = kReadonly | kFast,
     .keys = OneKey().Uses(kReads),
     .group = kGroup,
     .since = "7.0.0",
     .summary = "When a key expires, in seconds",
     .syntax = "key",
     .reply = "int(-2..)",
     .handler = ExpireTime,
     .traits = {.freedom = ReplyFreedom::kTime}},
    {.name = "persist",
     .arity = 2,
     .flags = kWrite | kFast,
     .keys = OneKey().Uses(kUpdates),
     .group = kGroup,
     .since = "2.2.0",
     .summary = "Let a key not expire",
     .syntax = "key",
     .reply = "int(0..1)",
     .handler = Persist},
    {.name = "pexpire",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = OneKey().Uses(kUpdates),
     .group = kGroup,
     .since = "2.6.0",
     .summary = "Let a key expire after milliseconds",
     .syntax = kExpireSyntaxMs,
     .reply = "int(0..1)",
     .handler = PExpire,
     .traits = {.time = {TimeArgument::Kind::kFromNow, 2, 1}}},
    {.name = "pexpireat",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = OneKey().Uses(kUpdates),
     .group = kGroup,
     .since = "2.6.0",
     .summary = "Let a key expire at a time in milliseconds",
     .syntax = kExpireAtSyntaxMs,
     .reply = "int(0..1)",
     .handler = PExpireAt,
     .traits = {.time = {TimeArgument::Kind::kPoint, 2, 1}}},
    {.name = "pexpiretime",
     .arity = 2,
     .flags = kReadonly | kFast,
     .keys = OneKey().Uses(kReads),
     .group = kGroup,
     .since = "7.0.0",
     .summary = "When a key expires, in milliseconds",
     .syntax = "key",
     .reply = "int(-2..)",
     .handler = PExpireTime,
     .traits = {.freedom = ReplyFreedom::kTime, .bits = kMilliseconds}},
    {.name = "pttl",
     .arity = 2,
     .flags = kReadonly | kFast | kRandomOutput,
     .keys = OneKey().Uses(kReads),
     .group = kGroup,
     .since = "2.6.0",
     .summary = "How long until a key expires, in milliseconds",
     .syntax = "key",
     .reply = "int(-2..)",
     .handler = PTtl,
     .traits = {.freedom = ReplyFreedom::kTime, .bits = kMilliseconds}},
    {.name = "ttl",
     .arity = 2,
     .flags = kReadonly | kFast | kRandomOutput,
     .keys = OneKey().Uses(kReads),
     .group = kGroup,
     .since = "1.0.0",
     .summary = "How long until a key expires, in seconds",
     .syntax = "key",
     .reply = "int(-2..)",
     .handler = Ttl,
     .traits = {.freedom = ReplyFreedom::kTime}},
};

}  // namespace

std::span<const CommandSpec> ExpireCommands() { return kExpireCommands; }

}  // namespace resprobe
