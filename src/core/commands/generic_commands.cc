// Keys whatever their type (redis 7.0 db.c, expire.c, object.c).

#include "core/commands/command.h"
#include "core/commands/expire_time.h"
#include "core/commands/glob.h"
#include "core/commands/groups.h"

namespace resprobe {
namespace {

void Del(CommandContext& c) {
  int64_t deleted = 0;
  for (size_t i = 1; i < c.argc(); ++i) deleted += c.keyspace.Delete(c.db, c.args[i]);
  c.reply.Integer(deleted);
}

// EXISTS and TOUCH: a key that is named twice counts twice.
void CountExisting(CommandContext& c) {
  int64_t count = 0;
  for (size_t i = 1; i < c.argc(); ++i) count += c.keyspace.Find(c.db, c.args[i]) != nullptr;
  c.reply.Integer(count);
}

void Type(CommandContext& c) {
  const Object* object = c.keyspace.Find(c.db, c.args[1]);
  c.reply.SimpleString(ObjectTypeName(object == nullptr ? ObjectType::kNone : object->type()));
}

// --- Walking the keys.

void KeysMatching(CommandContext& c) {
  const Dict<Object>& keys = c.keyspace.keys(c.db);
  const std::string_view pattern = c.args[1];
  const bool all = pattern == "*";
  c.views.clear();
  for (size_t i = 0; i < keys.size(); ++i) {
    const Dict<Object>::Entry& entry = keys.at(i);
    if ((all || GlobMatch(pattern, entry.key)) && !c.keyspace.Expired(entry.value)) {
      c.views.push_back(entry.key);
    }
  }
  c.reply.ArrayHeader(c.views.size());
  for (const std::string_view key : c.views) c.reply.BulkString(key);
}

bool IsType(std::string_view name, ObjectType type) {
  const std::string_view want = ObjectTypeName(type);
  if (name.substr(0, name.find('\0')).size() != want.size()) return false;
  for (size_t i = 0; i < want.size(); ++i) {
    const char c = name[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c) != want[i]) return false;
  }
  return true;
}

// Expired keys that it comes across are deleted, but after the reply is written, for that moves
// other keys.
void Scan(CommandContext& c) {
  uint64_t cursor;
  CommandContext::ScanOptions options;
  if (!c.Cursor(1, &cursor) || !c.ParseScanOptions(2, true, &options)) return;
  const Dict<Object>& keys = c.keyspace.keys(c.db);
  c.views.clear();
  c.positions.clear();
  const uint64_t next = keys.Scan(
      cursor, static_cast<uint64_t>(options.count), [&](const Dict<Object>::Entry& entry) {
        if (!options.Wants(entry.key)) return;
        if (c.keyspace.Expired(entry.value)) {
          c.positions.push_back(static_cast<int>(&entry - &keys.at(0)));
        } else if (!options.by_type || IsType(options.type, entry.value.type())) {
          c.views.push_back(entry.key);
        }
      });
  c.reply.ArrayHeader(2);
  c.reply.BulkInteger(static_cast<int64_t>(next));
  c.reply.ArrayHeader(c.views.size());
  for (const std::string_view key : c.views) c.reply.BulkString(key);
  // From the highest position down, so that those that are left stay where they are.
  for (const int position : c.positions) {
    c.scratch.assign(keys.at(static_cast<size_t>(position)).key);
    c.keyspace.Find(c.db, c.scratch);
  }
}

void RandomKey(CommandContext& c) {
  const Dict<Object>& keys = c.keyspace.keys(c.db);
  while (!keys.empty()) {
    c.scratch.assign(keys.at(c.random.Below(keys.size())).key);
    if (c.keyspace.Find(c.db, c.scratch) != nullptr) {
      c.reply.BulkString(c.scratch);
      return;
    }
  }
  c.reply.NullBulk();
}

// --- Moving keys.

void RenameTo(CommandContext& c, bool only_new) {
  const std::string_view from = c.args[1];
  const std::string_view to = c.args[2];
  if (c.keyspace.Find(c.db, from) == nullptr) {
    c.Error(errors::kNoSuchKey);
    return;
  }
  const bool same = from == to;
  const bool taken = !same && c.keyspace.Find(c.db, to) != nullptr;
  if (!same && !(only_new && taken)) {
    c.keyspace.Rename(c.db, from, c.db, to);
    c.Modified(from);
    c.Modified(to);
  }
  if (only_new) {
    c.reply.Integer(!same && !taken);
  } else {
    c.reply.Ok();
  }
}
void Rename(CommandContext& c) { RenameTo(c, false); }
void RenameNx(CommandContext& c) { RenameTo(c, true); }

bool ParseDb(CommandContext& c, size_t i, int* db) {
  int64_t number;
  if (!c.Int32(i, &number)) return false;
  if (number < 0 || number >= c.keyspace.databases()) return c.Error(errors::kDbOutOfRange);
  *db = static_cast<int>(number);
  return true;
}

void Move(CommandContext& c) {
  const std::string_view key = c.args[1];
  int to;
  if (!ParseDb(c, 2, &to)) return;
  if (to == c.db) {
    c.Error(errors::kSameObject);
    return;
  }
  if (c.keyspace.Find(c.db, key) == nullptr || c.keyspace.Find(to, key) != nullptr) {
    c.reply.Integer(0);
    return;
  }
  c.keyspace.Rename(c.db, key, to, key);
  c.keyspace.Modified(c.db, key);
  c.keyspace.Modified(to, key);
  c.reply.Integer(1);
}

void Copy(CommandContext& c) {
  const std::string_view from = c.args[1];
  const std::string_view to = c.args[2];
  int to_db = c.db;
  bool replace = false;
  for (size_t i = 3; i < c.argc(); ++i) {
    if (c.Is(i, "REPLACE")) {
      replace = true;
    } else if (c.Is(i, "DB") && i + 1 < c.argc()) {
      if (!ParseDb(c, ++i, &to_db)) return;
    } else {
      c.SyntaxError();
      return;
    }
  }
  if (to_db == c.db && from == to) {
    c.Error(errors::kSameObject);
    return;
  }
  if (c.keyspace.Find(c.db, from) == nullptr ||
      (c.keyspace.Find(to_db, to) != nullptr && !replace)) {
    c.reply.Integer(0);
    return;
  }
  c.keyspace.Copy(c.db, from, to_db, to);
  c.keyspace.Modified(to_db, to);
  c.reply.Integer(1);
}

// --- Expiry.

struct ExpireCondition {
  bool nx = false;
  bool xx = false;
  bool gt = false;
  bool lt = false;

  // Whether a key that expires at `current` may be given `at`. No expiry counts as infinite.
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
  if (at <= c.keyspace.now_ms()) {
    c.keyspace.Delete(c.db, key);
  } else {
    c.keyspace.SetExpiry(c.db, key, at);
    c.Modified(key);
  }
  c.reply.Integer(1);
}
void Expire(CommandContext& c) { SetExpiry(c, ExpireUnit::kSeconds, false); }
void PExpire(CommandContext& c) { SetExpiry(c, ExpireUnit::kMilliseconds, false); }
void ExpireAt(CommandContext& c) { SetExpiry(c, ExpireUnit::kSeconds, true); }
void PExpireAt(CommandContext& c) { SetExpiry(c, ExpireUnit::kMilliseconds, true); }

void ReplyExpiry(CommandContext& c, ExpireUnit unit, bool absolute) {
  const Object* object = c.keyspace.Find(c.db, c.args[1]);
  if (object == nullptr || object->expire_at() == kNoExpiry) {
    c.reply.Integer(object == nullptr ? -2 : -1);
    return;
  }
  const int64_t ms = object->expire_at() - (absolute ? 0 : c.keyspace.now_ms());
  // Rounded to the nearest; near the end of time the sum must not overflow.
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

// --- OBJECT

constexpr size_t kEmbeddedBytes = 44;  // object.c OBJ_ENCODING_EMBSTR_SIZE_LIMIT

bool IsStoredAsInteger(const Object& object, int64_t* value) {
  const Object::StringForm form = object.string_form();
  return object.type() == ObjectType::kString &&
         (form == Object::StringForm::kNatural || form == Object::StringForm::kCopied) &&
         ParseInt64(object.string(), value);
}

std::string_view Encoding(const Object& object) {
  switch (object.type()) {
    case ObjectType::kString: {
      int64_t value;
      if (IsStoredAsInteger(object, &value)) return "int";
      return object.string_form() != Object::StringForm::kRaw &&
                     object.string().size() <= kEmbeddedBytes
                 ? "embstr"
                 : "raw";
    }
    case ObjectType::kList:
      return "quicklist";
    case ObjectType::kHash:
      return object.hash().compact() ? "listpack" : "hashtable";
    case ObjectType::kSet:
      return object.set().intset() ? "intset" : "hashtable";
    case ObjectType::kZset:
      return object.zset().compact() ? "listpack" : "skiplist";
    case ObjectType::kNone:
      break;
  }
  return "";
}

void ObjectEncoding(CommandContext& c) {
  const Object* object = c.keyspace.Find(c.db, c.args[2]);
  if (object == nullptr) {
    c.reply.NullBulk();
  } else {
    c.reply.BulkString(Encoding(*object));
  }
}

void ObjectFreq(CommandContext& c) {
  if (c.keyspace.Find(c.db, c.args[2]) == nullptr) {
    c.reply.NullBulk();
    return;
  }
  c.Error(
      "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note "
      "that when switching between policies at runtime LRU and LFU data will take some time to "
      "adjust.");
}

// Small integers are shared for ever.
void ObjectRefCount(CommandContext& c) {
  constexpr int64_t kSharedIntegers = 10000;
  const Object* object = c.keyspace.Find(c.db, c.args[2]);
  if (object == nullptr) {
    c.reply.NullBulk();
    return;
  }
  int64_t value;
  const bool shared = object->string_form() != Object::StringForm::kCopied &&
                      IsStoredAsInteger(*object, &value) && value >= 0 && value < kSharedIntegers;
  c.reply.Integer(shared ? INT32_MAX : 1);
}

constexpr CommandGroup kGroup = CommandGroup::kGeneric;

constexpr CommandSpec kObjectSubcommands[] = {
    {.name = "encoding",
     .arity = 3,
     .flags = kReadonly,
     .keys = Keys(2, 2),
     .group = kGroup,
     .since = "2.2.3",
     .summary = "How a value is stored",
     .syntax = "key",
     .reply = "bulk|null",
     .handler = ObjectEncoding},
    {.name = "freq",
     .arity = 3,
     .flags = kReadonly,
     .keys = Keys(2, 2),
     .group = kGroup,
     .since = "4.0.0",
     .summary = "How often a value is used; needs an LFU policy",
     .syntax = "key",
     .reply = "null",
     .handler = ObjectFreq},
    {.name = "refcount",
     .arity = 3,
     .flags = kReadonly,
     .keys = Keys(2, 2),
     .group = kGroup,
     .since = "2.2.3",
     .summary = "How often a value is referred to",
     .syntax = "key",
     .reply = "int(1..)|null",
     .handler = ObjectRefCount},
};

constexpr std::string_view kExpireSyntaxSeconds = "key seconds [NX | XX | GT | LT]";
constexpr std::string_view kExpireSyntaxMs = "key milliseconds [NX | XX | GT | LT]";
constexpr std::string_view kExpireAtSyntaxSeconds = "key unix-time-seconds [NX | XX | GT | LT]";
constexpr std::string_view kExpireAtSyntaxMs = "key unix-time-milliseconds [NX | XX | GT | LT]";

constexpr CommandSpec kGenericCommands[] = {
    {.name = "copy",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .keys = Keys(1, 2),
     .group = kGroup,
     .since = "6.2.0",
     .summary = "Copy a key",
     .syntax = "source destination [DB db] [REPLACE]",
     .reply = "int(0..1)",
     .handler = Copy},
    {.name = "del",
     .arity = -2,
     .flags = kWrite,
     .keys = Keys(1, -1),
     .group = kGroup,
     .since = "1.0.0",
     .summary = "Delete keys",
     .syntax = "key [key ...]",
     .reply = "int(0..)",
     .handler = Del},
    {.name = "exists",
     .arity = -2,
     .flags = kReadonly | kFast,
     .keys = Keys(1, -1),
     .group = kGroup,
     .since = "1.0.0",
     .summary = "How many of the keys exist",
     .syntax = "key [key ...]",
     .reply = "int(0..)",
     .handler = CountExisting},
    {.name = "expire",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = OneKey(),
     .group = kGroup,
     .since = "1.0.0",
     .summary = "Let a key expire after seconds",
     .syntax = kExpireSyntaxSeconds,
     .reply = "int(0..1)",
     .handler = Expire},
    {.name = "expireat",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = OneKey(),
     .group = kGroup,
     .since = "1.2.0",
     .summary = "Let a key expire at a time in seconds",
     .syntax = kExpireAtSyntaxSeconds,
     .reply = "int(0..1)",
     .handler = ExpireAt},
    {.name = "expiretime",
     .arity = 2,
     .flags = kReadonly | kFast,
     .keys = OneKey(),
     .group = kGroup,
     .since = "7.0.0",
     .summary = "When a key expires, in seconds",
     .syntax = "key",
     .reply = "int(-2..)",
     .handler = ExpireTime},
    {.name = "keys",
     .arity = 2,
     .flags = kReadonly,
     .group = kGroup,
     .since = "1.0.0",
     .summary = "All keys that match a pattern",
     .syntax = "pattern",
     .reply = "array<bulk>",
     .handler = KeysMatching},
    {.name = "move",
     .arity = 3,
     .flags = kWrite | kFast,
     .keys = OneKey(),
     .group = kGroup,
     .since = "1.0.0",
     .summary = "Move a key to another database",
     .syntax = "key db",
     .reply = "int(0..1)",
     .handler = Move},
    {.name = "object",
     .arity = -2,
     .group = kGroup,
     .since = "2.2.3",
     .summary = "Commands on how values are stored",
     .subcommands = kObjectSubcommands},
    {.name = "persist",
     .arity = 2,
     .flags = kWrite | kFast,
     .keys = OneKey(),
     .group = kGroup,
     .since = "2.2.0",
     .summary = "Let a key not expire",
     .syntax = "key",
     .reply = "int(0..1)",
     .handler = Persist},
    {.name = "pexpire",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = OneKey(),
     .group = kGroup,
     .since = "2.6.0",
     .summary = "Let a key expire after milliseconds",
     .syntax = kExpireSyntaxMs,
     .reply = "int(0..1)",
     .handler = PExpire},
    {.name = "pexpireat",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = OneKey(),
     .group = kGroup,
     .since = "2.6.0",
     .summary = "Let a key expire at a time in milliseconds",
     .syntax = kExpireAtSyntaxMs,
     .reply = "int(0..1)",
     .handler = PExpireAt},
    {.name = "pexpiretime",
     .arity = 2,
     .flags = kReadonly | kFast,
     .keys = OneKey(),
     .group = kGroup,
     .since = "7.0.0",
     .summary = "When a key expires, in milliseconds",
     .syntax = "key",
     .reply = "int(-2..)",
     .handler = PExpireTime},
    {.name = "pttl",
     .arity = 2,
     .flags = kReadonly | kFast,
     .keys = OneKey(),
     .group = kGroup,
     .since = "2.6.0",
     .summary = "How long until a key expires, in milliseconds",
     .syntax = "key",
     .reply = "int(-2..)",
     .handler = PTtl},
    {.name = "randomkey",
     .arity = 1,
     .flags = kReadonly,
     .group = kGroup,
     .since = "1.0.0",
     .summary = "Some key",
     .syntax = "",
     .reply = "bulk|null",
     .handler = RandomKey},
    {.name = "rename",
     .arity = 3,
     .flags = kWrite,
     .keys = Keys(1, 2),
     .group = kGroup,
     .since = "1.0.0",
     .summary = "Rename a key",
     .syntax = "key newkey",
     .reply = "ok",
     .handler = Rename},
    {.name = "renamenx",
     .arity = 3,
     .flags = kWrite | kFast,
     .keys = Keys(1, 2),
     .group = kGroup,
     .since = "1.0.0",
     .summary = "Rename a key unless the new one exists",
     .syntax = "key newkey",
     .reply = "int(0..1)",
     .handler = RenameNx},
    {.name = "scan",
     .arity = -2,
     .flags = kReadonly,
     .group = kGroup,
     .since = "2.8.0",
     .summary = "Walk the keys step by step",
     .syntax = "cursor [MATCH pattern] [COUNT count] [TYPE string]",
     .reply = "tuple<bulk(int),array<bulk>>",
     .handler = Scan},
    {.name = "touch",
     .arity = -2,
     .flags = kReadonly | kFast,
     .keys = Keys(1, -1),
     .group = kGroup,
     .since = "3.2.1",
     .summary = "Use keys; how many of them exist",
     .syntax = "key [key ...]",
     .reply = "int(0..)",
     .handler = CountExisting},
    {.name = "ttl",
     .arity = 2,
     .flags = kReadonly | kFast,
     .keys = OneKey(),
     .group = kGroup,
     .since = "1.0.0",
     .summary = "How long until a key expires, in seconds",
     .syntax = "key",
     .reply = "int(-2..)",
     .handler = Ttl},
    {.name = "type",
     .arity = 2,
     .flags = kReadonly | kFast,
     .keys = OneKey(),
     .group = kGroup,
     .since = "1.0.0",
     .summary = "The type of a value",
     .syntax = "key",
     .reply = "status(none)|status(string)|status(list)|status(hash)|status(set)|status(zset)",
     .handler = Type},
    {.name = "unlink",
     .arity = -2,
     .flags = kWrite | kFast,
     .keys = Keys(1, -1),
     .group = kGroup,
     .since = "4.0.0",
     .summary = "Delete keys",
     .syntax = "key [key ...]",
     .reply = "int(0..)",
     .handler = Del},
};

}  // namespace

std::span<const CommandSpec> GenericCommands() { return kGenericCommands; }

}  // namespace resprobe
