// Bits of strings (redis 7.0 bitops.c).

#include <algorithm>
#include <bit>

#include "core/server/server.h"
#include "core/table/command.h"
#include "core/table/groups.h"

namespace resprobe {
namespace {

constexpr ObjectType kType = ObjectType::kString;

bool ParseOffset(CommandContext& c, size_t i, uint64_t* offset) {
  constexpr std::string_view kError = "ERR bit offset is not an integer or out of range";
  int64_t value;
  if (!c.Int(i, &value, kError)) return false;
  if (value < 0 || (value >> 3) >= c.server.config().max_bulk) return c.Error(kError);
  *offset = static_cast<uint64_t>(value);
  return true;
}

// Bit `i` of the bytes; the first one is the highest bit of the first byte.
bool BitAt(std::string_view bytes, uint64_t i) {
  return (static_cast<unsigned char>(bytes[i >> 3]) >> (7 - (i & 7)) & 1) != 0;
}

void SetBit(CommandContext& c) {
  constexpr std::string_view kError = "ERR bit is not an integer or out of range";
  uint64_t offset;
  int64_t bit;
  if (!ParseOffset(c, 2, &offset) || !c.IntBetween(3, 0, 1, &bit, kError)) return;
  const std::string_view key = c.args[1];
  Object* object;
  if (!c.Find(key, kType, &object)) return;
  bool changed = object == nullptr;
  if (object == nullptr) object = &c.FindOrCreate(key, kType);
  std::string& value = object->string();
  if (value.size() <= offset >> 3) {
    value.resize((offset >> 3) + 1, '\0');
    changed = true;
  }
  const bool old = BitAt(value, offset);
  const auto mask = static_cast<unsigned char>(0x80 >> (offset & 7));
  char& byte = value[offset >> 3];
  byte = static_cast<char>(bit != 0 ? byte | mask : byte & ~mask);
  object->set_string_form(Object::StringForm::kRaw);
  c.reply.Integer(old);
  if (changed || old != (bit != 0)) c.Modified(key);
}

void GetBit(CommandContext& c) {
  uint64_t offset;
  if (!ParseOffset(c, 2, &offset)) return;
  Object* object;
  if (!c.Find(c.args[1], kType, &object)) return;
  const bool set = object != nullptr && (offset >> 3) < object->string().size() &&
                   BitAt(object->string(), offset);
  c.reply.Integer(set);
}

// The range of bits [first, first + count).
struct BitRange {
  uint64_t first = 0;
  uint64_t count = 0;
};

// Sets *bits if args[i] is BIT, not BYTE. False after an error reply.
bool ParseUnit(CommandContext& c, size_t i, bool* bits) {
  *bits = c.Is(i, "BIT");
  return *bits || c.Is(i, "BYTE") || c.SyntaxError();
}

// start and end are inclusive, in bits or bytes; negative ones count from the end.
BitRange ClampRange(int64_t start, int64_t end, bool bits, size_t bytes) {
  const int64_t total = static_cast<int64_t>(bytes) * (bits ? 8 : 1);
  if (start < 0) start = std::max<int64_t>(start + total, 0);
  if (end < 0) end = std::max<int64_t>(end + total, 0);
  end = std::min(end, total - 1);
  if (start > end) return {};
  const uint64_t scale = bits ? 1 : 8;
  return {static_cast<uint64_t>(start) * scale, static_cast<uint64_t>(end - start + 1) * scale};
}

uint64_t CountBits(std::string_view bytes, BitRange range) {
  uint64_t count = 0;
  uint64_t i = range.first;
  const uint64_t end = range.first + range.count;
  for (; i < end && (i & 7) != 0; ++i) count += BitAt(bytes, i);
  for (; i + 8 <= end; i += 8) {
    count += static_cast<uint64_t>(std::popcount(static_cast<unsigned char>(bytes[i >> 3])));
  }
  for (; i < end; ++i) count += BitAt(bytes, i);
  return count;
}

// The first bit of that value in the range; the end of the range if there is none.
uint64_t FindBit(std::string_view bytes, BitRange range, bool bit) {
  const auto skip = static_cast<char>(bit ? 0x00 : 0xff);
  uint64_t i = range.first;
  const uint64_t end = range.first + range.count;
  while (i < end) {
    if ((i & 7) == 0 && i + 8 <= end && bytes[i >> 3] == skip) {
      i += 8;
    } else if (BitAt(bytes, i) == bit) {
      return i;
    } else {
      ++i;
    }
  }
  return end;
}

// Parses start, end and unit of BITCOUNT. Sets `empty` if the range is known to be empty before the
// unit is read. False after an error reply.
bool ParseCountRange(CommandContext& c, int64_t* start, int64_t* end, bool* bits, bool* empty) {
  *empty = false;
  if (c.traits().bit_ranges_first) {
    if (c.argc() > 5) return c.SyntaxError();
    if (c.argc() >= 3 && !c.Int(2, start)) return false;
    if (c.argc() == 5 && !ParseUnit(c, 4, bits)) return false;
    return c.argc() < 4 || c.Int(3, end);
  }
  if (c.argc() == 2) return true;
  if (c.argc() != 4 && c.argc() != 5) return c.SyntaxError();
  if (!c.Int(2, start) || !c.Int(3, end)) return false;
  *empty = *start < 0 && *end < 0 && *start > *end;
  return *empty || c.argc() != 5 || ParseUnit(c, 4, bits);
}

void BitCount(CommandContext& c) {
  int64_t start = 0;
  int64_t end = -1;
  bool bits = false;
  bool empty = false;
  const bool range_first = c.traits().bit_ranges_first;
  if (range_first && !ParseCountRange(c, &start, &end, &bits, &empty)) return;
  Object* object;
  if (!c.Find(c.args[1], kType, &object)) return;
  // redis replies 0 for a missing key before it reads the range.
  if (object == nullptr) return c.reply.Integer(0);
  if (!range_first && !ParseCountRange(c, &start, &end, &bits, &empty)) return;
  const std::string& value = object->string();
  if (empty || (start < 0 && end < 0 && start > end)) return c.reply.Integer(0);
  const BitRange range = ClampRange(start, end, bits, value.size());
  c.reply.Integer(static_cast<int64_t>(CountBits(value, range)));
}

// Parses start, end and unit of BITPOS. False after an error reply.
bool ParsePosRange(CommandContext& c, int64_t* start, int64_t* end, bool* bits) {
  if (c.argc() > 6) return c.SyntaxError();
  return (c.argc() < 4 || c.Int(3, start)) && (c.argc() < 6 || ParseUnit(c, 5, bits)) &&
         (c.argc() < 5 || c.Int(4, end));
}

void BitPos(CommandContext& c) {
  int64_t bit;
  if (!c.Int(2, &bit)) return;
  if (bit != 0 && bit != 1) {
    c.Error("ERR The bit argument must be 1 or 0.");
    return;
  }
  int64_t start = 0;
  int64_t end = -1;
  bool bits = false;
  const bool range_first = c.traits().bit_ranges_first;
  if (range_first && !ParsePosRange(c, &start, &end, &bits)) return;
  Object* object;
  if (!c.Find(c.args[1], kType, &object)) return;
  if (object == nullptr) return c.reply.Integer(bit == 1 ? -1 : 0);
  if (!range_first && !ParsePosRange(c, &start, &end, &bits)) return;
  const std::string& value = object->string();
  const BitRange range = ClampRange(start, end, bits, value.size());
  const bool end_given = c.argc() >= 5;
  if (range.count == 0) {
    c.reply.Integer(-1);
    return;
  }
  const uint64_t at = FindBit(value, range, bit == 1);
  // After the end of the string there are infinitely many zeros, unless the range has an end.
  const bool found = at < range.first + range.count || (bit == 0 && !end_given);
  c.reply.Integer(found ? static_cast<int64_t>(at) : -1);
}

void BitOp(CommandContext& c) {
  enum { kAnd, kOr, kXor, kNot } op;
  if (c.Is(1, "AND")) {
    op = kAnd;
  } else if (c.Is(1, "OR")) {
    op = kOr;
  } else if (c.Is(1, "XOR")) {
    op = kXor;
  } else if (c.Is(1, "NOT")) {
    op = kNot;
  } else {
    c.SyntaxError();
    return;
  }
  if (op == kNot && c.argc() != 4) {
    c.Error("ERR BITOP NOT must be called with a single source key.");
    return;
  }
  std::string& result = c.scratch;
  result.clear();
  for (size_t i = 3; i < c.argc(); ++i) {
    Object* object;
    if (!c.Find(c.args[i], kType, &object)) return;
    const std::string_view value = object == nullptr ? std::string_view() : object->string();
    // A shorter value is padded with zeros.
    const size_t old_size = result.size();
    if (value.size() > old_size) result.resize(value.size(), '\0');
    if (i == 3) {
      result.replace(0, value.size(), value);
      continue;
    }
    for (size_t k = 0; k < value.size(); ++k) {
      if (op == kAnd) {
        result[k] = static_cast<char>(result[k] & value[k]);
      } else if (op == kOr) {
        result[k] = static_cast<char>(result[k] | value[k]);
      } else {
        result[k] = static_cast<char>(result[k] ^ value[k]);
      }
    }
    if (op == kAnd)
      std::fill(result.begin() + static_cast<ptrdiff_t>(value.size()), result.end(), '\0');
  }
  if (op == kNot) {
    for (char& byte : result) byte = static_cast<char>(~byte);
  }
  const std::string_view key = c.args[2];
  c.reply.Integer(static_cast<int64_t>(result.size()));
  if (result.empty()) {
    c.keyspace.DeleteEvenExpired(c.db, key);
    return;
  }
  Object& target = c.keyspace.Overwrite(c.db, key, kType);
  target.string().assign(result);
  target.set_string_form(Object::StringForm::kRaw);
  c.Modified(key);
}

constexpr CommandGroup kGroup = CommandGroup::kBitmap;

constexpr CommandSpec kBitmapCommands[] = {
    {.name = "bitcount",
     .arity = -2,
     .flags = kReadonly,
     .keys = OneKey().Uses(kReads),
     .group = kGroup,
     .since = "2.6.0",
     .summary = "How many bits of a string are set",
     .syntax = "key [start stop [BYTE | BIT]]",
     .reply = "int(0..)",
     .handler = BitCount},
    {.name = "bitop",
     .arity = -4,
     .flags = kWrite | kDenyOom,
     .keys = Keys(2, -1).Uses(kOverwrites, kReads),
     .group = kGroup,
     .since = "2.6.0",
     .summary = "Combine strings bit by bit",
     .syntax = "<AND | OR | XOR | NOT> destination key [key ...]",
     .reply = "int(0..)",
     .handler = BitOp},
    {.name = "bitpos",
     .arity = -3,
     .flags = kReadonly,
     .keys = OneKey().Uses(kReads),
     .group = kGroup,
     .since = "2.8.7",
     .summary = "The first bit of a string that is set, or that is clear",
     .syntax = "key bit [start [stop [BYTE | BIT]]]",
     .reply = "int(-1..)",
     .handler = BitPos},
    {.name = "getbit",
     .arity = 3,
     .flags = kReadonly | kFast,
     .keys = OneKey().Uses(kReads),
     .group = kGroup,
     .since = "2.2.0",
     .summary = "One bit of a string",
     .syntax = "key offset",
     .reply = "int(0..1)",
     .handler = GetBit},
    {.name = "setbit",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .keys = OneKey().Uses(kReadsAndUpdates),
     .group = kGroup,
     .since = "2.2.0",
     .summary = "Change one bit of a string",
     .syntax = "key offset bit",
     .reply = "int(0..1)",
     .handler = SetBit},
};

}  // namespace

std::span<const CommandSpec> BitmapCommands() { return kBitmapCommands; }

}  // namespace resprobe
