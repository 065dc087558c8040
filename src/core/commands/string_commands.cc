// Strings (redis 7.0 t_string.c).

#include <algorithm>

#include "core/commands/expire_time.h"
#include "core/server/propagate.h"
#include "core/server/server.h"
#include "core/table/command.h"
#include "core/table/groups.h"

namespace resprobe {
namespace {

constexpr ObjectType kType = ObjectType::kString;

bool FitsLength(CommandContext& c, uint64_t size) {
  return size <= static_cast<uint64_t>(c.server.config().max_bulk) ||
         c.Error(errors::kStringTooLong);
}

// Replies with the value or null. False after a WRONGTYPE reply.
bool ReplyValue(CommandContext& c, std::string_view key) {
  Object* object;
  if (!c.Find(key, kType, &object)) return false;
  if (object == nullptr) {
    c.reply.NullBulk();
  } else {
    c.reply.BulkString(object->string());
  }
  return true;
}

// The options of SET and GETEX. Which of them can be combined follows the server's parser: an
// option that conflicts with an earlier one is a syntax error.
struct StringOptions {
  bool nx = false;
  bool xx = false;
  bool get = false;
  bool keep_ttl = false;
  bool persist = false;
  std::string_view expire;  // the argument of EX, PX, EXAT or PXAT
  ExpireUnit unit = ExpireUnit::kSeconds;
  bool absolute = false;
  enum { kNone, kEx, kPx, kExAt, kPxAt } kind = kNone;
};

bool ParseOptions(CommandContext& c, size_t first, bool is_set, StringOptions* o) {
  for (size_t i = first; i < c.argc(); ++i) {
    const bool more = i + 1 < c.argc();
    decltype(o->kind) kind = StringOptions::kNone;
    if (is_set && !o->xx && c.Is(i, "NX")) {
      o->nx = true;
    } else if (is_set && !o->nx && c.Is(i, "XX")) {
      o->xx = true;
    } else if (is_set && c.Is(i, "GET")) {
      o->get = true;
    } else if (is_set && o->kind == StringOptions::kNone && c.Is(i, "KEEPTTL")) {
      o->keep_ttl = true;
    } else if (!is_set && o->kind == StringOptions::kNone && c.Is(i, "PERSIST")) {
      o->persist = true;
    } else if (more && c.Is(i, "EX")) {
      kind = StringOptions::kEx;
    } else if (more && c.Is(i, "PX")) {
      kind = StringOptions::kPx;
    } else if (more && c.Is(i, "EXAT")) {
      kind = StringOptions::kExAt;
    } else if (more && c.Is(i, "PXAT")) {
      kind = StringOptions::kPxAt;
    } else {
      return c.SyntaxError();
    }
    if (kind == StringOptions::kNone) continue;
    // The same option may be repeated, and the last one counts.
    if (o->keep_ttl || o->persist || (o->kind != StringOptions::kNone && o->kind != kind)) {
      return c.SyntaxError();
    }
    o->kind = kind;
    o->expire = c.args[++i];
    o->unit = kind == StringOptions::kEx || kind == StringOptions::kExAt
                  ? ExpireUnit::kSeconds
                  : ExpireUnit::kMilliseconds;
    o->absolute = kind == StringOptions::kExAt || kind == StringOptions::kPxAt;
  }
  return true;
}

// The common part of SET, SETNX, SETEX and PSETEX. `at` is the expiry or kNoExpiry; `is_pxat`: the
// command has it in this form.
enum class Condition { kAlways, kIfMissing, kIfThere };

bool Store(CommandContext& c, std::string_view key, std::string_view value, Condition condition,
           bool keep_ttl, int64_t at, bool is_pxat = false) {
  // Always look up the key first: that deletes an expired one.
  const bool found = c.keyspace.Find(c.db, key) != nullptr;
  if ((condition == Condition::kIfMissing && found) ||
      (condition == Condition::kIfThere && !found)) {
    return false;
  }
  if (at != kNoExpiry && c.keyspace.AlreadyExpired(at) && c.traits().set_past_deletes) {
    if (found) {
      c.keyspace.Delete(c.db, key);
      PropagateDeletion(c, key);
    }
    return true;
  }
  c.keyspace.SetString(c.db, key, value, keep_ttl);
  if (at != kNoExpiry) {
    c.keyspace.SetExpiry(c.db, key, at);
    if (!is_pxat || !c.traits().passes_pxat_on) PropagateAs(c, "SET", key, value, "PXAT", at);
  }
  c.Modified(key);
  return true;
}

// A replica has no use for the old value (redis 7.0 t_string.c setGenericCommand).
[[gnu::cold, gnu::noinline]] void PropagateWithoutGet(CommandContext& c) {
  c.views.clear();
  for (size_t i = 0; i < c.argc(); ++i) {
    if (i < 3 || !c.Is(i, "GET")) c.views.push_back(c.args[i]);
  }
  c.server.propagation().Instead(c.db, c.views);
}

void SetWithOptions(CommandContext& c) {
  StringOptions o;
  if (!ParseOptions(c, 3, true, &o)) return;
  int64_t at = kNoExpiry;
  if (o.kind != StringOptions::kNone && !ParseStringExpiry(c, o.expire, o.unit, o.absolute, &at)) {
    return;
  }
  if (o.get && !ReplyValue(c, c.args[1])) return;
  const Condition condition =
      o.nx ? Condition::kIfMissing : (o.xx ? Condition::kIfThere : Condition::kAlways);
  const bool stored =
      Store(c, c.args[1], c.args[2], condition, o.keep_ttl, at, o.kind == StringOptions::kPxAt);
  if (stored && o.get && at == kNoExpiry && c.server.propagation().records()) [[unlikely]]
    PropagateWithoutGet(c);
  if (o.get) return;
  if (stored) {
    c.reply.Ok();
  } else {
    c.reply.NullBulk();
  }
}

void Set(CommandContext& c) {
  if (c.argc() > 3) {
    SetWithOptions(c);
    return;
  }
  Store(c, c.args[1], c.args[2], Condition::kAlways, false, kNoExpiry);
  c.reply.Ok();
}

void SetNx(CommandContext& c) {
  c.reply.Integer(Store(c, c.args[1], c.args[2], Condition::kIfMissing, false, kNoExpiry));
}

void SetWithExpiry(CommandContext& c, ExpireUnit unit) {
  int64_t at;
  if (!ParseStringExpiry(c, c.args[2], unit, false, &at)) return;
  Store(c, c.args[1], c.args[3], Condition::kAlways, false, at);
  c.reply.Ok();
}
void SetEx(CommandContext& c) { SetWithExpiry(c, ExpireUnit::kSeconds); }
void PSetEx(CommandContext& c) { SetWithExpiry(c, ExpireUnit::kMilliseconds); }

void Get(CommandContext& c) { ReplyValue(c, c.args[1]); }

void GetEx(CommandContext& c) {
  StringOptions o;
  if (!ParseOptions(c, 2, false, &o)) return;
  const std::string_view key = c.args[1];
  Object* object;
  if (!c.Find(key, kType, &object)) return;
  if (object == nullptr) {
    c.reply.NullBulk();
    return;
  }
  int64_t at = kNoExpiry;
  if (o.kind != StringOptions::kNone && !ParseStringExpiry(c, o.expire, o.unit, o.absolute, &at)) {
    return;
  }
  c.reply.BulkString(object->string());
  if (o.absolute && at <= c.keyspace.now_ms()) {
    c.keyspace.Delete(c.db, key);
    PropagateDeletion(c, key);
  } else if (at != kNoExpiry || (o.persist && object->expire_at() != kNoExpiry)) {
    c.keyspace.SetExpiry(c.db, key, at);
    c.Modified(key);
    if (at == kNoExpiry) {
      PropagateAs(c, "PERSIST", key);
    } else {
      PropagateAs(c, "PEXPIREAT", key, at);
    }
  }
}

void GetDel(CommandContext& c) {
  if (ReplyValue(c, c.args[1]) && c.keyspace.Delete(c.db, c.args[1])) {
    PropagateAs(c, "DEL", c.args[1]);
  }
}

void GetSet(CommandContext& c) {
  if (!ReplyValue(c, c.args[1])) return;
  c.keyspace.SetString(c.db, c.args[1], c.args[2]);
  c.Modified(c.args[1]);
  PropagateAs(c, "SET", c.args[1], c.args[2]);
}

void MGet(CommandContext& c) {
  c.reply.ArrayHeader(c.argc() - 1);
  for (size_t i = 1; i < c.argc(); ++i) {
    const Object* object = c.keyspace.Find(c.db, c.args[i]);
    if (object == nullptr || object->type() != kType) {
      c.reply.NullBulk();
    } else {
      c.reply.BulkString(object->string());
    }
  }
}

void SetAll(CommandContext& c) {
  for (size_t i = 1; i < c.argc(); i += 2) {
    c.keyspace.Find(c.db, c.args[i]);  // deletes an expired key first
    c.keyspace.SetString(c.db, c.args[i], c.args[i + 1]);
    c.Modified(c.args[i]);
  }
}

void MSet(CommandContext& c) {
  if (c.argc() % 2 == 0) {
    c.WrongArity();
    return;
  }
  SetAll(c);
  c.reply.Ok();
}

void MSetNx(CommandContext& c) {
  if (c.argc() % 2 == 0) {
    c.WrongArity();
    return;
  }
  for (size_t i = 1; i < c.argc(); i += 2) {
    if (c.keyspace.Find(c.db, c.args[i]) != nullptr) {
      c.reply.Integer(0);
      return;
    }
  }
  SetAll(c);
  c.reply.Integer(1);
}

void Append(CommandContext& c) {
  const std::string_view key = c.args[1];
  Object* object;
  if (!c.Find(key, kType, &object)) return;
  if (object == nullptr) {
    c.keyspace.SetString(c.db, key, c.args[2]);
    c.reply.Integer(static_cast<int64_t>(c.args[2].size()));
  } else {
    std::string& value = object->string();
    if (!FitsLength(c, value.size() + c.args[2].size())) return;
    value.append(c.args[2]);
    object->set_string_form(Object::StringForm::kRaw);
    c.reply.Integer(static_cast<int64_t>(value.size()));
  }
  c.Modified(key);
}

void StrLen(CommandContext& c) {
  Object* object;
  if (!c.Find(c.args[1], kType, &object)) return;
  c.reply.Integer(object == nullptr ? 0 : static_cast<int64_t>(object->string().size()));
}

void GetRange(CommandContext& c) {
  int64_t start;
  int64_t end;
  if (!c.Int(2, &start) || !c.Int(3, &end)) return;
  Object* object;
  if (!c.Find(c.args[1], kType, &object)) return;
  const std::string_view value = object == nullptr ? std::string_view() : object->string();
  const auto size = static_cast<int64_t>(value.size());
  if (start < 0 && end < 0 && start > end) {
    c.reply.BulkString("");
    return;
  }
  if (start < 0) start = std::max<int64_t>(start + size, 0);
  if (end < 0) end = std::max<int64_t>(end + size, 0);
  end = std::min(end, size - 1);
  if (start > end || size == 0) {
    c.reply.BulkString("");
  } else {
    c.reply.BulkString(
        value.substr(static_cast<size_t>(start), static_cast<size_t>(end - start + 1)));
  }
}

void SetRange(CommandContext& c) {
  int64_t offset;
  if (!c.Int(2, &offset)) return;
  if (offset < 0) {
    c.Error("ERR offset is out of range");
    return;
  }
  const std::string_view key = c.args[1];
  const std::string_view value = c.args[3];
  Object* object;
  if (!c.Find(key, kType, &object)) return;
  if (value.empty()) {
    c.reply.Integer(object == nullptr ? 0 : static_cast<int64_t>(object->string().size()));
    return;
  }
  if (!FitsLength(c, static_cast<uint64_t>(offset) + value.size())) return;
  if (object == nullptr) object = &c.FindOrCreate(key, kType);
  std::string& target = object->string();
  const size_t end = static_cast<size_t>(offset) + value.size();
  if (target.size() < end) target.resize(end, '\0');
  target.replace(static_cast<size_t>(offset), value.size(), value);
  object->set_string_form(Object::StringForm::kRaw);
  c.reply.Integer(static_cast<int64_t>(target.size()));
  c.Modified(key);
}

constexpr CommandGroup kGroup = CommandGroup::kString;

constexpr CommandSpec kStringCommands[] = {
    {.name = "append",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey().Uses(kAddsTo),
     .group = kGroup,
     .since = "2.0.0",
     .summary = "Add to the end of a string",
     .syntax = "key value",
     .reply = "int(0..)",
     .handler = Append},
    {.name = "get",
     .arity = 2,
     .flags = kReadonly | kFast,
     .keys = OneKey().Uses(kReads),
     .group = kGroup,
     .since = "1.0.0",
     .summary = "A string",
     .syntax = "key",
     .reply = "bulk|null",
     .handler = Get},
    {.name = "getdel",
     .arity = 2,
     .flags = kWrite | kFast,
     .keys = OneKey().Uses(kTakesFrom),
     .group = kGroup,
     .since = "6.2.0",
     .summary = "A string, which is deleted",
     .syntax = "key",
     .reply = "bulk|null",
     .handler = GetDel},
    {.name = "getex",
     .arity = -2,
     .flags = kWrite | kFast,
     .keys = OneKey().Uses(kReadsAndUpdates),
     .group = kGroup,
     .since = "6.2.0",
     .summary = "A string, whose expiry is changed",
     .syntax = "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | "
               "PXAT unix-time-milliseconds | PERSIST]",
     .reply = "bulk|null",
     .handler = GetEx,
     .traits = {.time = {TimeArgument::Kind::kOptions, 2}}},
    {.name = "getrange",
     .arity = 4,
     .flags = kReadonly,
     .keys = OneKey().Uses(kReads),
     .group = kGroup,
     .since = "2.4.0",
     .summary = "A part of a string",
     .syntax = "key start stop",
     .reply = "bulk",
     .handler = GetRange},
    {.name = "getset",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey().Uses(kReadsAndUpdates),
     .group = kGroup,
     .since = "1.0.0",
     .summary = "A string, which is replaced",
     .syntax = "key value",
     .reply = "bulk|null",
     .handler = GetSet},
    {.name = "mget",
     .arity = -2,
     .flags = kReadonly | kFast | kToMultiShard,
     .keys = Keys(1, -1).Uses(kReads),
     .group = kGroup,
     .since = "1.0.0",
     .summary = "Several strings",
     .syntax = "key [key ...]",
     .reply = "array<bulk|null>",
     .handler = MGet},
    {.name = "mset",
     .arity = -3,
     .flags = kWrite | kDenyOom | kToMultiShard | kFromAllSucceeded,
     .keys = Keys(1, -1, 2).Uses(kOverwrites),
     .group = kGroup,
     .since = "1.0.1",
     .summary = "Set several strings",
     .syntax = "key value [key value ...]",
     .reply = "ok",
     .handler = MSet},
    {.name = "msetnx",
     .arity = -3,
     .flags = kWrite | kDenyOom | kToMultiShard | kFromMin,
     .keys = Keys(1, -1, 2).Uses(kCreates),
     .group = kGroup,
     .since = "1.0.1",
     .summary = "Set several strings if none of the keys exists",
     .syntax = "key value [key value ...]",
     .reply = "int(0..1)",
     .handler = MSetNx},
    {.name = "psetex",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .keys = OneKey().Uses(kOverwrites),
     .group = kGroup,
     .since = "2.6.0",
     .summary = "Set a string and its expiry in milliseconds",
     .syntax = "key milliseconds value",
     .reply = "ok",
     .handler = PSetEx,
     .traits = {.time = {TimeArgument::Kind::kFromNow, 2, 1}}},
    {.name = "set",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .keys = OneKey().Uses(kVaries),
     .group = kGroup,
     .since = "1.0.0",
     .summary = "Set a string",
     .syntax = "key value [NX | XX] [GET] [EX seconds | PX milliseconds | "
               "EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
     .reply = "ok|bulk|null",
     .handler = Set,
     .traits = {.time = {TimeArgument::Kind::kOptions, 3}, .bits = kReadsWithGet}},
    {.name = "setex",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .keys = OneKey().Uses(kOverwrites),
     .group = kGroup,
     .since = "2.0.0",
     .summary = "Set a string and its expiry in seconds",
     .syntax = "key seconds value",
     .reply = "ok",
     .handler = SetEx,
     .traits = {.time = {TimeArgument::Kind::kFromNow, 2, 1000}}},
    {.name = "setnx",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey().Uses(kCreates),
     .group = kGroup,
     .since = "1.0.0",
     .summary = "Set a string if the key does not exist",
     .syntax = "key value",
     .reply = "int(0..1)",
     .handler = SetNx},
    {.name = "setrange",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .keys = OneKey().Uses(kUpdates),
     .group = kGroup,
     .since = "2.2.0",
     .summary = "Overwrite a part of a string",
     .syntax = "key offset value",
     .reply = "int(0..)",
     .handler = SetRange},
    {.name = "strlen",
     .arity = 2,
     .flags = kReadonly | kFast,
     .keys = OneKey().Uses(kLooksAt),
     .group = kGroup,
     .since = "2.2.0",
     .summary = "The length of a string",
     .syntax = "key",
     .reply = "int(0..)",
     .handler = StrLen},
    {.name = "substr",
     .arity = 4,
     .flags = kReadonly,
     .keys = OneKey().Uses(kReads),
     .group = kGroup,
     .since = "1.0.0",
     .summary = "A part of a string",
     .syntax = "key start stop",
     .reply = "bulk",
     .handler = GetRange},
};

}  // namespace

std::span<const CommandSpec> StringCommands() { return kStringCommands; }

}  // namespace resprobe
