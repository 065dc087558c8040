// Strings that are numbers (redis 7.0 t_string.c).

#include <cmath>

#include "core/server/propagate.h"
#include "core/table/command.h"
#include "core/table/groups.h"

namespace resprobe {
namespace {

constexpr ObjectType kType = ObjectType::kString;

// Replaces the key's string and keeps its expiry. `object` is the result of Find().
void Replace(CommandContext& c, std::string_view key, Object* object, std::string_view value,
             Object::StringForm form) {
  if (object == nullptr) object = &c.FindOrCreate(key, kType);
  object->string().assign(value);
  object->set_string_form(form);
  c.Modified(key);
}

void IncrementBy(CommandContext& c, int64_t increment) {
  const std::string_view key = c.args[1];
  Object* object;
  if (!c.Find(key, kType, &object)) return;
  int64_t value = 0;
  if (object != nullptr && !ParseInt64(object->string(), &value)) {
    c.Error(errors::kNotInteger);
    return;
  }
  if (__builtin_add_overflow(value, increment, &value)) {
    c.Error("ERR increment or decrement would overflow");
    return;
  }
  char buffer[kNumberBufferSize];
  Replace(c, key, object, FormatInt64(value, buffer), Object::StringForm::kNatural);
  c.reply.Integer(value);
}

void Incr(CommandContext& c) { IncrementBy(c, 1); }
void Decr(CommandContext& c) { IncrementBy(c, -1); }

void IncrBy(CommandContext& c) {
  int64_t increment;
  if (c.Int(2, &increment)) IncrementBy(c, increment);
}

void DecrBy(CommandContext& c) {
  int64_t decrement;
  if (!c.Int(2, &decrement)) return;
  if (decrement == INT64_MIN) {
    c.Error("ERR decrement would overflow");
    return;
  }
  IncrementBy(c, -decrement);
}

void IncrByFloat(CommandContext& c) {
  const std::string_view key = c.args[1];
  Object* object;
  if (!c.Find(key, kType, &object)) return;
  long double value = 0;
  long double increment;
  if ((object != nullptr && !ParseLongDouble(object->string(), &value)) ||
      !ParseLongDouble(c.args[2], &increment)) {
    c.Error(errors::kNotFloat);
    return;
  }
  value += increment;
  if (std::isnan(value) || std::isinf(value)) {
    c.Error("ERR increment would produce NaN or Infinity");
    return;
  }
  c.scratch.resize(kLongDoubleBufferSize);
  const std::string_view text = FormatLongDoubleHuman(value, c.scratch);
  c.reply.BulkString(text);
  Replace(c, key, object, text, Object::StringForm::kNotInteger);
  PropagateAs(c, "SET", key, text, "KEEPTTL");
}

constexpr CommandGroup kGroup = CommandGroup::kString;

constexpr CommandSpec kCounterCommands[] = {
    {.name = "decr",
     .arity = 2,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey().Uses(kReadsAndUpdates),
     .group = kGroup,
     .since = "1.0.0",
     .summary = "Subtract one from an integer",
     .syntax = "key",
     .reply = "int",
     .handler = Decr},
    {.name = "decrby",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey().Uses(kReadsAndUpdates),
     .group = kGroup,
     .since = "1.0.0",
     .summary = "Subtract from an integer",
     .syntax = "key decrement",
     .reply = "int",
     .handler = DecrBy},
    {.name = "incr",
     .arity = 2,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey().Uses(kReadsAndUpdates),
     .group = kGroup,
     .since = "1.0.0",
     .summary = "Add one to an integer",
     .syntax = "key",
     .reply = "int",
     .handler = Incr},
    {.name = "incrby",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey().Uses(kReadsAndUpdates),
     .group = kGroup,
     .since = "1.0.0",
     .summary = "Add to an integer",
     .syntax = "key increment",
     .reply = "int",
     .handler = IncrBy},
    {.name = "incrbyfloat",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = OneKey().Uses(kReadsAndUpdates),
     .group = kGroup,
     .since = "2.6.0",
     .summary = "Add to a number",
     .syntax = "key double",
     .reply = "bulk",
     .handler = IncrByFloat},
};

}  // namespace

std::span<const CommandSpec> CounterCommands() { return kCounterCommands; }

}  // namespace resprobe
