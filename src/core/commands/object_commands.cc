// OBJECT: how values are stored (redis 7.0 object.c).

#include "core/commands/object_form.h"
#include "core/table/command.h"
#include "core/table/groups.h"

namespace resprobe {
namespace {

constexpr size_t kEmbeddedBytes = 44;  // object.c OBJ_ENCODING_EMBSTR_SIZE_LIMIT

bool IsStoredAsInteger(const Object& object, int64_t* value) {
  const Object::StringForm form = object.string_form();
  return object.type() == ObjectType::kString &&
         (form == Object::StringForm::kNatural || form == Object::StringForm::kCopied) &&
         ParseInt64(object.string(), value);
}

// The size of a listpack that holds the list, ignoring strings whose length takes more bytes.
size_t ListpackBytes(const List& list) {
  constexpr size_t kFrame = 7;
  size_t bytes = kFrame;
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string& element = list.at(i);
    int64_t number;
    size_t entry;
    if (ParseInt64(element, &number)) {
      entry = number >= 0 && number < 128                  ? 1
              : number >= -4096 && number < 4096           ? 2
              : number >= INT16_MIN && number <= INT16_MAX ? 3
              : number >= -(1 << 23) && number < (1 << 23) ? 4
              : number >= INT32_MIN && number <= INT32_MAX ? 5
                                                           : 9;
    } else {
      entry = element.size() + (element.size() < 64 ? 1 : element.size() < 4096 ? 2 : 5);
    }
    bytes += entry + (entry < 128 ? 1 : entry < 16384 ? 2 : 3);
  }
  return bytes;
}

}  // namespace

std::string_view EncodingOf(const Object& object, const ProfileTraits& traits) {
  constexpr size_t kListpackBytes = 8192;  // list-max-listpack-size -2
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
      return traits.packs_lists_and_sets && ListpackBytes(object.list()) <= kListpackBytes
                 ? "listpack"
                 : "quicklist";
    case ObjectType::kHash:
      return object.hash().compact() ? "listpack" : "hashtable";
    case ObjectType::kSet:
      if (object.set().intset()) return "intset";
      return traits.packs_lists_and_sets && object.set().compact() ? "listpack" : "hashtable";
    case ObjectType::kZset:
      return object.zset().compact() ? "listpack" : "skiplist";
    case ObjectType::kNone:
      break;
  }
  return "";
}

int64_t ReferencesTo(const Object& object) {
  constexpr int64_t kSharedIntegers = 10000;
  int64_t value;
  const bool shared = object.string_form() != Object::StringForm::kCopied &&
                      IsStoredAsInteger(object, &value) && value >= 0 && value < kSharedIntegers;
  return shared ? INT32_MAX : 1;
}

namespace {

void ObjectEncoding(CommandContext& c) {
  const Object* object = c.keyspace.Look(c.db, c.args[2]);
  if (object == nullptr) {
    c.reply.NullBulk();
  } else {
    c.reply.BulkString(EncodingOf(*object, c.traits()));
  }
}

void ObjectFreq(CommandContext& c) {
  if (c.keyspace.Look(c.db, c.args[2]) == nullptr) {
    c.reply.NullBulk();
    return;
  }
  c.Error(
      "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note "
      "that when switching between policies at runtime LRU and LFU data will take some time to "
      "adjust.");
}

// In seconds. The server's clock for this has a resolution of one second (server.h
// LRU_CLOCK_RESOLUTION).
void ObjectIdleTime(CommandContext& c) {
  constexpr int64_t kTickMs = 1000;
  const Object* object = c.keyspace.Look(c.db, c.args[2]);
  if (object == nullptr) {
    c.reply.NullBulk();
  } else {
    c.reply.Integer(c.keyspace.now_ms() / kTickMs - object->used_at() / kTickMs);
  }
}

void ObjectRefCount(CommandContext& c) {
  const Object* object = c.keyspace.Look(c.db, c.args[2]);
  if (object == nullptr) {
    c.reply.NullBulk();
  } else {
    c.reply.Integer(ReferencesTo(*object));
  }
}

constexpr CommandGroup kGroup = CommandGroup::kGeneric;

constexpr CommandSpec kObjectSubcommands[] = {
    {.name = "encoding",
     .arity = 3,
     .flags = kReadonly | kRandomOutput,
     .keys = Keys(2, 2).Uses(kLooksAt),
     .group = kGroup,
     .since = "2.2.3",
     .summary = "How a value is stored",
     .syntax = "key",
     .reply = "bulk|null",
     .handler = ObjectEncoding},
    {.name = "freq",
     .arity = 3,
     .flags = kReadonly | kRandomOutput,
     .keys = Keys(2, 2).Uses(kLooksAt),
     .group = kGroup,
     .since = "4.0.0",
     .summary = "How often a value is used; needs an LFU policy",
     .syntax = "key",
     .reply = "null",
     .handler = ObjectFreq,
     .traits = {.freedom = ReplyFreedom::kMasked}},
    {.name = "help",
     .arity = 2,
     .flags = kLoading | kStale,
     .group = kGroup,
     .since = "6.2.0",
     .summary = "The subcommands of OBJECT",
     .syntax = "",
     .reply = "array<status>",
     .handler = ContainerHelp,
     .traits = {.freedom = ReplyFreedom::kMasked}},
    {.name = "idletime",
     .arity = 3,
     .flags = kReadonly | kRandomOutput,
     .keys = Keys(2, 2).Uses(kLooksAt),
     .group = kGroup,
     .since = "2.2.3",
     .summary = "How many seconds ago a value was used",
     .syntax = "key",
     .reply = "int(0..)|null",
     .handler = ObjectIdleTime,
     .traits = {.freedom = ReplyFreedom::kMasked}},
    {.name = "refcount",
     .arity = 3,
     .flags = kReadonly | kRandomOutput,
     .keys = Keys(2, 2).Uses(kLooksAt),
     .group = kGroup,
     .since = "2.2.3",
     .summary = "How often a value is referred to",
     .syntax = "key",
     .reply = "int(1..)|null",
     .handler = ObjectRefCount,
     .traits = {.bits = kCountsReferences}},
};

constexpr CommandSpec kObjectCommands[] = {
    {.name = "object",
     .arity = -2,
     .group = kGroup,
     .since = "2.2.3",
     .summary = "Commands on how values are stored",
     .subcommands = kObjectSubcommands},
};

}  // namespace

std::span<const CommandSpec> ObjectCommands() { return kObjectCommands; }

}  // namespace resprobe
