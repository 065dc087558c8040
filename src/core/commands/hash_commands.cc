#include <cmath>

#include "core/commands/sampling.h"
#include "core/commands/scan_names.h"
#include "core/keyspace/integers.h"
#include "core/server/propagate.h"
#include "core/table/command.h"
#include "core/table/groups.h"

// Hashes, following src/t_hash.c of redis 7.0.15.
namespace resprobe {
namespace {

constexpr ObjectType kType = ObjectType::kHash;

// Finds the hash at args[1], or nullptr; false after a WRONGTYPE reply.
bool FindHash(CommandContext& c, Hash** hash) {
  Object* object;
  if (!c.Find(c.args[1], kType, &object)) return false;
  *hash = object == nullptr ? nullptr : &object->hash();
  return true;
}

bool SetFields(CommandContext& c, int64_t* added) {
  if (c.argc() % 2 != 0) {
    return c.WrongArity();
  }
  Hash* hash;
  if (!FindHash(c, &hash)) return false;
  if (hash == nullptr) hash = &c.FindOrCreate(c.args[1], kType).hash();
  *added = 0;
  for (size_t i = 2; i < c.argc(); i += 2) *added += hash->Set(c.args[i], c.args[i + 1]);
  c.Modified(c.args[1]);
  return true;
}

void HSet(CommandContext& c) {
  int64_t added;
  if (SetFields(c, &added)) c.reply.Integer(added);
}

void HMSet(CommandContext& c) {
  int64_t added;
  if (SetFields(c, &added)) c.reply.Ok();
}

void HSetNx(CommandContext& c) {
  Hash* hash;
  if (!FindHash(c, &hash)) return;
  if (hash == nullptr) hash = &c.FindOrCreate(c.args[1], kType).hash();
  if (hash->Find(c.args[2]) != nullptr) return c.reply.Integer(0);
  hash->Set(c.args[2], c.args[3]);
  c.reply.Integer(1);
  c.Modified(c.args[1]);
}

void ReplyField(CommandContext& c, const Hash* hash, std::string_view field) {
  const std::string* value = hash == nullptr ? nullptr : hash->Find(field);
  if (value == nullptr) return c.reply.NullBulk();
  c.reply.BulkString(*value);
}

void HGet(CommandContext& c) {
  Hash* hash;
  if (FindHash(c, &hash)) ReplyField(c, hash, c.args[2]);
}

void HMGet(CommandContext& c) {
  Hash* hash;
  if (!FindHash(c, &hash)) return;
  c.reply.ArrayHeader(c.argc() - 2);
  for (const std::string_view field : c.args.subspan(2)) ReplyField(c, hash, field);
}

void HDel(CommandContext& c) {
  Hash* hash;
  if (!FindHash(c, &hash)) return;
  if (hash == nullptr) return c.reply.Integer(0);
  int64_t removed = 0;
  for (const std::string_view field : c.args.subspan(2)) removed += hash->Erase(field);
  c.reply.Integer(removed);
  if (removed > 0) c.Modified(c.args[1]);
}

void HLen(CommandContext& c) {
  Hash* hash;
  if (!FindHash(c, &hash)) return;
  c.reply.Integer(hash == nullptr ? 0 : static_cast<int64_t>(hash->size()));
}

void HExists(CommandContext& c) {
  Hash* hash;
  if (!FindHash(c, &hash)) return;
  c.reply.Integer(hash != nullptr && hash->Find(c.args[2]) != nullptr);
}

void HStrLen(CommandContext& c) {
  Hash* hash;
  if (!FindHash(c, &hash)) return;
  const std::string* value = hash == nullptr ? nullptr : hash->Find(c.args[2]);
  c.reply.Integer(value == nullptr ? 0 : static_cast<int64_t>(value->size()));
}

void HGetAll(CommandContext& c) {
  Hash* hash;
  if (!FindHash(c, &hash)) return;
  const size_t size = hash == nullptr ? 0 : hash->size();
  c.reply.MapHeader(size);
  for (size_t i = 0; i < size; ++i) {
    c.reply.BulkString(hash->fields().at(i).key);
    c.reply.BulkString(hash->fields().at(i).value);
  }
}

void HKeys(CommandContext& c) {
  Hash* hash;
  if (!FindHash(c, &hash)) return;
  const size_t size = hash == nullptr ? 0 : hash->size();
  c.reply.ArrayHeader(size);
  for (size_t i = 0; i < size; ++i) c.reply.BulkString(hash->fields().at(i).key);
}

void HVals(CommandContext& c) {
  Hash* hash;
  if (!FindHash(c, &hash)) return;
  const size_t size = hash == nullptr ? 0 : hash->size();
  c.reply.ArrayHeader(size);
  for (size_t i = 0; i < size; ++i) c.reply.BulkString(hash->fields().at(i).value);
}

// Stores a new value of the field args[2] and marks the key as modified.
void StoreField(CommandContext& c, Hash* hash, std::string_view value) {
  if (hash == nullptr) hash = &c.FindOrCreate(c.args[1], kType).hash();
  hash->Set(c.args[2], value);
  c.Modified(c.args[1]);
}

void HIncrBy(CommandContext& c) {
  int64_t increment;
  if (!c.Int(3, &increment)) return;
  Hash* hash;
  if (!FindHash(c, &hash)) return;
  int64_t value = 0;
  const std::string* old = hash == nullptr ? nullptr : hash->Find(c.args[2]);
  if (old != nullptr && !ParseInt64(*old, &value)) {
    c.Error("ERR hash value is not an integer");
    return;
  }
  if (__builtin_add_overflow(value, increment, &value)) {
    c.Error("ERR increment or decrement would overflow");
    return;
  }
  char buffer[kNumberBufferSize];
  StoreField(c, hash, FormatInt64(value, buffer));
  c.reply.Integer(value);
}

void HIncrByFloat(CommandContext& c) {
  long double increment;
  if (!ParseLongDouble(c.args[3], &increment)) {
    c.Error(errors::kNotFloat);
    return;
  }
  if (!std::isfinite(increment)) {
    c.Error("ERR value is NaN or Infinity");
    return;
  }
  Hash* hash;
  if (!FindHash(c, &hash)) return;
  long double value = 0;
  const std::string* old = hash == nullptr ? nullptr : hash->Find(c.args[2]);
  if (old != nullptr && !ParseLongDouble(*old, &value)) {
    c.Error("ERR hash value is not a float");
    return;
  }
  value += increment;
  if (!std::isfinite(value)) {
    c.Error("ERR increment would produce NaN or Infinity");
    return;
  }
  char buffer[kLongDoubleBufferSize];
  const std::string_view text = FormatLongDoubleHuman(value, buffer);
  StoreField(c, hash, text);
  c.reply.BulkString(text);
  PropagateAs(c, "HSET", c.args[1], c.args[2], text);
}

void HScan(CommandContext& c) {
  uint64_t cursor;
  if (!c.Cursor(2, &cursor)) return;
  Hash* hash;
  if (!FindHash(c, &hash)) return;
  if (hash == nullptr) return EmptyScanReply(c);  // before the options are parsed
  CommandContext::ScanOptions options;
  if (!c.ParseScanOptions(3, /*allow_type=*/false, &options)) return;
  c.views.clear();
  BeginScanReply(c, hash->fields(), hash->compact(), cursor, options, [&](const auto& entry) {
    c.views.push_back(entry.key);
    c.views.push_back(entry.value);
  });
  c.reply.ArrayHeader(c.views.size());
  for (const std::string_view text : c.views) c.reply.BulkString(text);
}

void HRandField(CommandContext& c) {
  SampleRequest request;
  const bool counted = c.argc() > 2;
  if (counted && !ParseSampleRequest(c, "WITHVALUES", &request)) return;
  Hash* hash;
  if (!FindHash(c, &hash)) return;
  if (!counted) {
    if (hash == nullptr) return c.reply.NullBulk();
    return c.reply.BulkString(hash->fields().at(c.random.Below(hash->size())).key);
  }
  if (hash == nullptr) return c.reply.ArrayHeader(0);
  size_t elements;
  if (!SampleSize(c, request, hash->size(), &elements)) return;
  const bool nested = request.with_values && c.protocol() >= 3;
  c.reply.ArrayHeader(request.with_values && !nested ? 2 * elements : elements);
  Sample(c.random, request.count, hash->size(), [&](size_t i) {
    const auto& entry = hash->fields().at(i);
    if (nested) c.reply.ArrayHeader(2);
    c.reply.BulkString(entry.key);
    if (request.with_values) c.reply.BulkString(entry.value);
  });
}

constexpr CommandGroup kGroup = CommandGroup::kHash;

constexpr CommandSpec kCommands[] = {
    {"hdel", -3, kWrite | kFast, OneKey().Uses(kDeletesFrom), kGroup, "2.0.0",
     "Removes fields of a hash.", "key field [field ...]", "int(0..)", HDel},
    {"hexists", 3, kReadonly | kFast, OneKey().Uses(kLooksAt), kGroup, "2.0.0",
     "Whether a hash has a field.", "key field", "int(0..1)", HExists},
    {"hget", 3, kReadonly | kFast, OneKey().Uses(kReads), kGroup, "2.0.0",
     "The value of a field of a hash.", "key field", "bulk|null", HGet},
    {"hgetall",
     2,
     kReadonly | kRandomOrder,
     OneKey().Uses(kReads),
     kGroup,
     "2.0.0",
     "All fields and values of a hash.",
     "key",
     "map<bulk,bulk>",
     HGetAll,
     {.freedom = ReplyFreedom::kPairs}},
    {"hincrby", 4, kWrite | kDenyOom | kFast, OneKey().Uses(kReadsAndUpdates), kGroup, "2.0.0",
     "Adds to the integer in a field of a hash.", "key field increment", "int", HIncrBy},
    {"hincrbyfloat", 4, kWrite | kDenyOom | kFast, OneKey().Uses(kReadsAndUpdates), kGroup, "2.6.0",
     "Adds to the number in a field of a hash.", "key field double", "bulk", HIncrByFloat},
    {"hkeys",
     2,
     kReadonly | kRandomOrder,
     OneKey().Uses(kReads),
     kGroup,
     "2.0.0",
     "All fields of a hash.",
     "key",
     "array<bulk>",
     HKeys,
     {.freedom = ReplyFreedom::kOrder}},
    {"hlen", 2, kReadonly | kFast, OneKey().Uses(kLooksAt), kGroup, "2.0.0",
     "The number of fields of a hash.", "key", "int(0..)", HLen},
    {"hmget", -3, kReadonly | kFast, OneKey().Uses(kReads), kGroup, "2.0.0",
     "The values of fields of a hash.", "key field [field ...]", "array<bulk|null>", HMGet},
    {"hmset", -4, kWrite | kDenyOom | kFast, OneKey().Uses(kUpdates), kGroup, "2.0.0",
     "Sets fields of a hash; HSET does the same.", "key <field value ...>", "ok", HMSet},
    {"hrandfield",
     -2,
     kReadonly | kRandomOutput,
     OneKey().Uses(kReads),
     kGroup,
     "6.2.0",
     "Random fields of a hash.",
     "key [count [WITHVALUES]]",
     "bulk|null|array<bulk>|pairs<bulk,bulk>",
     HRandField,
     {.freedom = ReplyFreedom::kPick, .bits = kElementPairs, .universe = "HGETALL key"}},
    {"hscan",
     -3,
     kReadonly | kRandomOutput,
     OneKey().Uses(kReads),
     kGroup,
     "2.8.0",
     "One step of an iteration over the fields and values of a hash.",
     "key cursor [MATCH pattern] [COUNT count]",
     "tuple<bulk(int),flat<bulk,bulk>>",
     HScan,
     {.freedom = ReplyFreedom::kScan, .bits = kElementPairs}},
    {"hset", -4, kWrite | kDenyOom | kFast, OneKey().Uses(kUpdates), kGroup, "2.0.0",
     "Sets fields of a hash, and returns how many are new.", "key <field value ...>", "int(0..)",
     HSet},
    {"hsetnx", 4, kWrite | kDenyOom | kFast, OneKey().Uses(kAddsTo), kGroup, "2.0.0",
     "Sets a field that the hash does not have yet.", "key field value", "int(0..1)", HSetNx},
    {"hstrlen", 3, kReadonly | kFast, OneKey().Uses(kLooksAt), kGroup, "3.2.0",
     "The length of the value of a field of a hash.", "key field", "int(0..)", HStrLen},
    {"hvals",
     2,
     kReadonly | kRandomOrder,
     OneKey().Uses(kReads),
     kGroup,
     "2.0.0",
     "All values of a hash.",
     "key",
     "array<bulk>",
     HVals,
     {.freedom = ReplyFreedom::kOrder}},
};

}  // namespace

std::span<const CommandSpec> HashCommands() { return kCommands; }

}  // namespace resprobe
