// Commands for keys of any type (redis 7.0 db.c).

#include "core/server/server.h"
#include "core/server/wait.h"
#include "core/table/command.h"
#include "core/table/glob.h"
#include "core/table/groups.h"

namespace resprobe {
namespace {

void Del(CommandContext& c) {
  int64_t deleted = 0;
  for (size_t i = 1; i < c.argc(); ++i) deleted += c.keyspace.Delete(c.db, c.args[i]);
  c.reply.Integer(deleted);
}

// A key that is named twice counts twice.
void Exists(CommandContext& c) {
  int64_t count = 0;
  for (size_t i = 1; i < c.argc(); ++i) count += c.keyspace.Look(c.db, c.args[i]) != nullptr;
  c.reply.Integer(count);
}

void Touch(CommandContext& c) {
  int64_t count = 0;
  for (size_t i = 1; i < c.argc(); ++i) count += c.keyspace.Find(c.db, c.args[i]) != nullptr;
  c.reply.Integer(count);
}

void Type(CommandContext& c) {
  const Object* object = c.keyspace.Look(c.db, c.args[1]);
  c.reply.SimpleString(ObjectTypeName(object == nullptr ? ObjectType::kNone : object->type()));
}

// --- Iterating over the keys.

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

// Expired keys found on the way are deleted only after the reply is written, since deleting moves
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
  // From the highest position down, so that the remaining positions stay valid.
  for (const int position : c.positions) {
    c.scratch.assign(keys.at(static_cast<size_t>(position)).key);
    c.keyspace.Look(c.db, c.scratch);
  }
}

void RandomKey(CommandContext& c) {
  const Dict<Object>& keys = c.keyspace.keys(c.db);
  // While clients are paused an expired key stays. Redis 7.0.15 may then loop forever; later
  // versions give up and return the key, as this does.
  for (int tries = 100; !keys.empty(); --tries) {
    c.scratch.assign(keys.at(c.random.Below(keys.size())).key);
    if (c.keyspace.Look(c.db, c.scratch) != nullptr || tries == 0) {
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

// Replies with the number of replicas that have everything sent so far: at once if they are enough,
// otherwise when they are, or after the timeout. (The server waits for what the client itself has
// written.)
void WaitForReplicas(CommandContext& c) {
  int64_t replicas;
  int64_t until;
  if (!c.Int(1, &replicas) || !ParseTimeout(c, 2, TimeoutUnit::kMilliseconds, &until)) return;
  if (c.server.replica()) {
    c.Error(
        "ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if "
        "a replica is configured to be writable (which is not the default) writes to replicas are "
        "just local and are not propagated.");
    return;
  }
  const uint64_t offset = c.server.source().offset();
  const int64_t have = c.server.source().CountAcknowledged(offset);
  if (replicas <= have) return c.reply.Integer(have);
  // The server stores the number as an int. If the int is below 1, the wait ends as soon as it
  // begins.
  if (static_cast<int32_t>(replicas) <= 0) {
    if (!c.client.multi && !c.traits().wait_answers_first) {
      c.client.reply_skip = false;
      c.reply = c.server.ReplyWriter(c.client);
    }
    return c.reply.Integer(have);
  }
  if (c.client.multi) return c.reply.Integer(have);
  c.server.Block(c, {.until = until,
                     .nothing = Wait::Nothing::kReplicas,
                     .replicas = replicas,
                     .offset = offset});
  c.server.source().AskForAcknowledgement();
}

constexpr CommandGroup kGroup = CommandGroup::kGeneric;

constexpr CommandSpec kGenericCommands[] = {
    {.name = "copy",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .keys = Keys(1, 2).Uses(kReads, kOverwrites),
     .group = kGroup,
     .since = "6.2.0",
     .summary = "Copy a key",
     .syntax = "source destination [DB db] [REPLACE]",
     .reply = "int(0..1)",
     .handler = Copy,
     .traits = {.bits = kOtherDatabase}},
    {.name = "del",
     .arity = -2,
     .flags = kWrite | kToMultiShard | kFromSum,
     .keys = Keys(1, -1).Uses(kRemoves),
     .group = kGroup,
     .since = "1.0.0",
     .summary = "Delete keys",
     .syntax = "key [key ...]",
     .reply = "int(0..)",
     .handler = Del},
    {.name = "exists",
     .arity = -2,
     .flags = kReadonly | kFast | kToMultiShard | kFromSum,
     .keys = Keys(1, -1).Uses(kLooksAt),
     .group = kGroup,
     .since = "1.0.0",
     .summary = "How many of the keys exist",
     .syntax = "key [key ...]",
     .reply = "int(0..)",
     .handler = Exists},
    {.name = "keys",
     .arity = 2,
     .flags = kReadonly | kToAllShards | kRandomOrder,
     .group = kGroup,
     .since = "1.0.0",
     .summary = "All keys that match a pattern",
     .syntax = "pattern",
     .reply = "array<bulk>",
     .handler = KeysMatching,
     .traits = {.freedom = ReplyFreedom::kOrder}},
    {.name = "move",
     .arity = 3,
     .flags = kWrite | kFast,
     .keys = OneKey().Uses(kReadsAndUpdates),
     .group = kGroup,
     .since = "1.0.0",
     .summary = "Move a key to another database",
     .syntax = "key db",
     .reply = "int(0..1)",
     .handler = Move,
     .traits = {.bits = kOtherDatabase | kRare}},
    {.name = "randomkey",
     .arity = 1,
     .flags = kReadonly | kToAllShards | kRandomOutput,
     .group = kGroup,
     .since = "1.0.0",
     .summary = "Some key",
     .syntax = "",
     .reply = "bulk|null",
     .handler = RandomKey,
     .traits = {.freedom = ReplyFreedom::kPick,
                .bits = kShowsKeys | kDeletesExpired,
                .universe = "KEYS *"}},
    {.name = "rename",
     .arity = 3,
     .flags = kWrite,
     .keys = Keys(1, 2).Uses(kTakesFrom, kOverwrites),
     .group = kGroup,
     .since = "1.0.0",
     .summary = "Rename a key",
     .syntax = "key newkey",
     .reply = "ok",
     .handler = Rename},
    {.name = "renamenx",
     .arity = 3,
     .flags = kWrite | kFast,
     .keys = Keys(1, 2).Uses(kTakesFrom, kCreates),
     .group = kGroup,
     .since = "1.0.0",
     .summary = "Rename a key unless the new one exists",
     .syntax = "key newkey",
     .reply = "int(0..1)",
     .handler = RenameNx},
    {.name = "scan",
     .arity = -2,
     .flags = kReadonly | kRandomOutput | kToSpecial,
     .group = kGroup,
     .since = "2.8.0",
     .summary = "Walk the keys step by step",
     .syntax = "cursor [MATCH pattern] [COUNT count] [TYPE string]",
     .reply = "tuple<bulk(int),array<bulk>>",
     .handler = Scan,
     .traits = {.freedom = ReplyFreedom::kScan, .bits = kDeletesExpired, .universe = "KEYS *"}},
    {.name = "touch",
     .arity = -2,
     .flags = kReadonly | kFast | kToMultiShard | kFromSum,
     .keys = Keys(1, -1).Uses(kLooksAt),
     .group = kGroup,
     .since = "3.2.1",
     .summary = "Use keys; how many of them exist",
     .syntax = "key [key ...]",
     .reply = "int(0..)",
     .handler = Touch,
     .traits = {.bits = kMarksUse}},
    {.name = "type",
     .arity = 2,
     .flags = kReadonly | kFast,
     .keys = OneKey().Uses(kLooksAt),
     .group = kGroup,
     .since = "1.0.0",
     .summary = "The type of a value",
     .syntax = "key",
     .reply = "status(none)|status(string)|status(list)|status(hash)|status(set)|status(zset)",
     .handler = Type},
    {.name = "unlink",
     .arity = -2,
     .flags = kWrite | kFast | kToMultiShard | kFromSum,
     .keys = Keys(1, -1).Uses(kRemoves),
     .group = kGroup,
     .since = "4.0.0",
     .summary = "Delete keys",
     .syntax = "key [key ...]",
     .reply = "int(0..)",
     .handler = Del},
    {.name = "wait",
     .arity = 3,
     .flags = kNoScript | kToAllShards | kFromMin,
     .group = kGroup,
     .since = "3.0.0",
     .summary = "Wait until replicas have the changes",
     .syntax = "integer milliseconds",
     .reply = "int(0..)",
     .handler = WaitForReplicas,
     .traits = {.time = {TimeArgument::Kind::kTimeout, 2}, .bits = kMayWait}},
};

}  // namespace

std::span<const CommandSpec> GenericCommands() { return kGenericCommands; }

}  // namespace resprobe
