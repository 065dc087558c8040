// BITFIELD: integers of any width inside a string (redis 7.0 bitops.c).

#include <algorithm>

#include "core/server/server.h"
#include "core/table/command.h"
#include "core/table/groups.h"

namespace resprobe {
namespace {

constexpr ObjectType kType = ObjectType::kString;

enum class Overflow { kWrap, kSaturate, kFail };
enum class Action { kGet, kSet, kIncrBy };

// The position of an integer in the string: `bits` wide, the highest bit first.
struct Field {
  bool is_signed = false;
  unsigned bits = 0;
  uint64_t offset = 0;

  uint64_t Mask() const { return bits == 64 ? UINT64_MAX : (uint64_t{1} << bits) - 1; }
};

// One operation of the request.
struct Operation {
  Action action = Action::kGet;
  Field field;
  int64_t operand = 0;
};

// i1 to i64, u1 to u63.
bool ParseFieldType(CommandContext& c, size_t i, Field* field) {
  const std::string_view text = c.args[i].substr(0, c.args[i].find('\0'));
  int64_t bits = 0;
  const bool is_signed = !text.empty() && text[0] == 'i';
  if (text.empty() || (!is_signed && text[0] != 'u') || !ParseInt64(text.substr(1), &bits) ||
      bits < 1 || bits > (is_signed ? 64 : 63)) {
    return c.Error(
        "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but "
        "i64 is.");
  }
  field->is_signed = is_signed;
  field->bits = static_cast<unsigned>(bits);
  return true;
}

// A bit offset or, after "#", a multiple of the field's width.
bool ParseFieldOffset(CommandContext& c, size_t i, Field* field) {
  constexpr std::string_view kError = "ERR bit offset is not an integer or out of range";
  std::string_view text = c.args[i];
  const bool scaled = text.starts_with('#');
  if (scaled) text.remove_prefix(1);
  int64_t value;
  if (!ParseInt64(text, &value)) return c.Error(kError);
  // The server multiplies without an overflow check.
  if (scaled) value = static_cast<int64_t>(static_cast<uint64_t>(value) * field->bits);
  if (value < 0 || (value >> 3) >= c.server.config().max_bulk) return c.Error(kError);
  field->offset = static_cast<uint64_t>(value);
  return true;
}

// Reads the operation at args[*at] and moves past it. OVERFLOW, which applies to later operations,
// only sets *overflow. False after an error reply.
bool ParseOperation(CommandContext& c, size_t* at, Overflow* overflow, Operation* operation,
                    bool* is_operation) {
  const size_t i = *at;
  const size_t more = c.argc() - 1 - i;
  *is_operation = true;
  if (more >= 2 && c.Is(i, "GET")) {
    operation->action = Action::kGet;
  } else if (more >= 3 && c.Is(i, "SET")) {
    operation->action = Action::kSet;
  } else if (more >= 3 && c.Is(i, "INCRBY")) {
    operation->action = Action::kIncrBy;
  } else if (more >= 1 && c.Is(i, "OVERFLOW")) {
    *is_operation = false;
    *at = i + 2;
    if (c.Is(i + 1, "WRAP")) {
      *overflow = Overflow::kWrap;
    } else if (c.Is(i + 1, "SAT")) {
      *overflow = Overflow::kSaturate;
    } else if (c.Is(i + 1, "FAIL")) {
      *overflow = Overflow::kFail;
    } else {
      return c.Error("ERR Invalid OVERFLOW type specified");
    }
    return true;
  } else {
    return c.SyntaxError();
  }
  if (!ParseFieldType(c, i + 1, &operation->field) ||
      !ParseFieldOffset(c, i + 2, &operation->field)) {
    return false;
  }
  const bool reads = operation->action == Action::kGet;
  *at = i + (reads ? 3 : 4);
  return reads || c.Int(i + 3, &operation->operand);
}

// Bits past the end of the bytes are zero.
int64_t Read(std::string_view bytes, const Field& field) {
  uint64_t value = 0;
  for (uint64_t bit = field.offset; bit < field.offset + field.bits; ++bit) {
    const uint64_t byte = bit >> 3;
    const unsigned in_byte = byte < bytes.size() ? static_cast<unsigned char>(bytes[byte]) : 0;
    value = value << 1 | (in_byte >> (7 - (bit & 7)) & 1);
  }
  if (field.is_signed && (value >> (field.bits - 1) & 1) != 0) value |= ~field.Mask();
  return static_cast<int64_t>(value);
}

void Write(std::string& bytes, const Field& field, uint64_t value) {
  for (unsigned i = 0; i < field.bits; ++i) {
    const uint64_t bit = field.offset + i;
    const auto mask = static_cast<unsigned char>(0x80 >> (bit & 7));
    char& byte = bytes[bit >> 3];
    const bool on = (value >> (field.bits - 1 - i) & 1) != 0;
    byte = static_cast<char>(on ? byte | mask : byte & ~mask);
  }
}

// Converts the number to the field's range; false if it does not fit and the operation must fail.
bool Fit(__int128 number, const Field& field, Overflow overflow, int64_t* result) {
  const __int128 span = static_cast<__int128>(1) << field.bits;
  const __int128 low = field.is_signed ? -(span / 2) : 0;
  const __int128 high = field.is_signed ? span / 2 - 1 : span - 1;
  if (number < low || number > high) {
    if (overflow == Overflow::kFail) return false;
    if (overflow == Overflow::kSaturate) {
      number = number < low ? low : high;
    } else {
      uint64_t bits = static_cast<uint64_t>(number) & field.Mask();
      if (field.is_signed && (bits >> (field.bits - 1) & 1) != 0) bits |= ~field.Mask();
      *result = static_cast<int64_t>(bits);
      return true;
    }
  }
  *result = static_cast<int64_t>(number);
  return true;
}

void Generic(CommandContext& c, bool only_get) {
  // The first pass validates all operations.
  Overflow overflow = Overflow::kWrap;
  Operation operation;
  bool is_operation;
  size_t operations = 0;
  uint64_t bits_needed = 0;
  bool writes = false;
  for (size_t at = 2; at < c.argc();) {
    if (!ParseOperation(c, &at, &overflow, &operation, &is_operation)) return;
    if (!is_operation) continue;
    ++operations;
    if (operation.action == Action::kGet) continue;
    writes = true;
    bits_needed = std::max(bits_needed, operation.field.offset + operation.field.bits);
  }
  const std::string_view key = c.args[1];
  Object* object;
  if (writes && only_get) {
    c.Error("ERR BITFIELD_RO only supports the GET subcommand");
    return;
  }
  if (!c.Find(key, kType, &object)) return;
  bool changed = false;
  if (writes) {
    if (object == nullptr) {
      object = &c.FindOrCreate(key, kType);
      changed = true;
    }
    std::string& value = object->string();
    const size_t size = (bits_needed + 7) >> 3;
    if (value.size() < size) {
      value.resize(size, '\0');
      changed = true;
    }
    object->set_string_form(Object::StringForm::kRaw);
  }

  c.reply.ArrayHeader(operations);
  overflow = Overflow::kWrap;
  for (size_t at = 2; at < c.argc();) {
    ParseOperation(c, &at, &overflow, &operation, &is_operation);
    if (!is_operation) continue;
    const Field& field = operation.field;
    const int64_t old =
        Read(object == nullptr ? std::string_view() : std::string_view(object->string()), field);
    if (operation.action == Action::kGet) {
      c.reply.Integer(old);
      continue;
    }
    const bool sets = operation.action == Action::kSet;
    __int128 number = operation.operand;
    if (!sets) {
      number += old;
    } else if (!field.is_signed) {
      number = static_cast<uint64_t>(operation.operand);
    }
    int64_t result;
    if (!Fit(number, field, overflow, &result)) {
      c.reply.NullBulk();
      continue;
    }
    c.reply.Integer(sets ? old : result);
    if (result == old) continue;
    Write(object->string(), field, static_cast<uint64_t>(result));
    changed = true;
  }
  if (changed) c.Modified(key);
}

void BitField(CommandContext& c) { Generic(c, /*only_get=*/false); }
void BitFieldRo(CommandContext& c) { Generic(c, /*only_get=*/true); }

constexpr CommandGroup kGroup = CommandGroup::kBitmap;

constexpr CommandSpec kBitFieldCommands[] = {
    {.name = "bitfield",
     .arity = -2,
     .flags = kWrite | kDenyOom,
     .keys = OneKey().Uses(kVaries),
     .group = kGroup,
     .since = "3.2.0",
     .summary = "Read and change integers of any width inside a string",
     .syntax = "key [GET bit-type bit-offset | OVERFLOW <WRAP | SAT | FAIL> | SET bit-type "
               "bit-offset integer | INCRBY bit-type bit-offset increment ...]",
     .reply = "array<int|null>",
     .handler = BitField},
    {.name = "bitfield_ro",
     .arity = -2,
     .flags = kReadonly | kFast,
     .keys = OneKey().Uses(kReads),
     .group = kGroup,
     .since = "6.0.0",
     .summary = "Read integers of any width inside a string",
     .syntax = "key [GET bit-type bit-offset ...]",
     .reply = "array<int>",
     .handler = BitFieldRo},
};

}  // namespace

std::span<const CommandSpec> BitFieldCommands() { return kBitFieldCommands; }

}  // namespace resprobe
