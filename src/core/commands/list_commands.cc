#include <algorithm>

#include "core/commands/index_range.h"
#include "core/commands/list_handlers.h"
#include "core/commands/multi_pop.h"
#include "core/server/propagate.h"
#include "core/table/command.h"
#include "core/table/groups.h"

// Lists, following src/t_list.c of redis 7.0.15. The order of checks, and the reply for a missing
// key, differ from command to command.
namespace resprobe {
namespace list {

const std::string& PeekEnd(const List& list, End end) {
  return list.at(end == End::kHead ? 0 : list.size() - 1);
}

void PopOne(List& list, End end) {
  if (end == End::kHead) {
    list.PopFront();
  } else {
    list.PopBack();
  }
}

void ReplyAndPop(CommandContext& c, List& list, End end, size_t count) {
  const size_t size = list.size();
  c.reply.ArrayHeader(count);
  for (size_t i = 0; i < count; ++i) {
    c.reply.BulkString(list.at(end == End::kHead ? i : size - 1 - i));
  }
  list.Erase(end == End::kHead ? 0 : size - count, count);
}

bool ParseEnd(CommandContext& c, size_t i, End* end) {
  if (c.Is(i, "RIGHT")) {
    *end = End::kTail;
  } else if (c.Is(i, "LEFT")) {
    *end = End::kHead;
  } else {
    return c.SyntaxError();
  }
  return true;
}

bool Move(CommandContext& c, End from, End to) {
  const std::string_view source_key = c.args[1];
  const std::string_view target_key = c.args[2];
  Object* object;
  if (!c.Find(source_key, ObjectType::kList, &object)) return false;
  if (object == nullptr) {
    c.reply.NullBulk();
    return false;
  }
  List& source = object->list();  // stays valid when the second lookup moves the object
  if (!c.Find(target_key, ObjectType::kList, &object)) return false;
  c.reply.BulkString(PeekEnd(source, from));
  if (object != nullptr && &object->list() == &source) {
    if (from != to) source.Rotate(/*to_front=*/to == End::kHead);
    c.Modified(source_key);
    return true;
  }
  List& target =
      object != nullptr ? object->list() : c.FindOrCreate(target_key, ObjectType::kList).list();
  if (to == End::kHead) {
    target.PushFront(PeekEnd(source, from));
  } else {
    target.PushBack(PeekEnd(source, from));
  }
  PopOne(source, from);
  c.Modified(target_key);
  c.Modified(source_key);
  return true;
}

}  // namespace list

namespace {

using namespace list;  // NOLINT(google-build-using-namespace): what is shared

constexpr ObjectType kType = ObjectType::kList;

void Push(CommandContext& c, End end, bool only_existing) {
  Object* object;
  if (!c.Find(c.args[1], kType, &object)) return;
  if (object == nullptr) {
    if (only_existing) return c.reply.Integer(0);
    object = &c.FindOrCreate(c.args[1], kType);
  }
  List& list = object->list();
  for (const std::string_view element : c.args.subspan(2)) {
    if (end == End::kHead) {
      list.PushFront(element);
    } else {
      list.PushBack(element);
    }
  }
  c.reply.Integer(static_cast<int64_t>(list.size()));
  c.Modified(c.args[1]);
}

void LPush(CommandContext& c) { Push(c, End::kHead, false); }
void RPush(CommandContext& c) { Push(c, End::kTail, false); }
void LPushX(CommandContext& c) { Push(c, End::kHead, true); }
void RPushX(CommandContext& c) { Push(c, End::kTail, true); }

void Pop(CommandContext& c, End end) {
  if (c.argc() > 3) {
    c.WrongArity();
    return;
  }
  const bool counted = c.argc() == 3;
  int64_t count = 1;
  if (counted && !c.IntBetween(2, 0, INT64_MAX, &count, errors::kMustBePositive)) return;
  Object* object;
  if (!c.Find(c.args[1], kType, &object)) return;
  if (object == nullptr) return counted ? c.reply.NullArray() : c.reply.NullBulk();
  if (count == 0) return c.reply.ArrayHeader(0);
  List& list = object->list();
  if (counted) {
    ReplyAndPop(c, list, end, std::min(static_cast<size_t>(count), list.size()));
  } else {
    c.reply.BulkString(PeekEnd(list, end));
    PopOne(list, end);
  }
  c.Modified(c.args[1]);
}

void LPop(CommandContext& c) { Pop(c, End::kHead); }
void RPop(CommandContext& c) { Pop(c, End::kTail); }

void LMPop(CommandContext& c) {
  MultiPop pop;
  if (!pop.Parse(c, 1, "LEFT", "RIGHT")) return;
  const End end = pop.other ? End::kTail : End::kHead;
  for (const std::string_view key : c.args.subspan(2, pop.keys)) {
    Object* object;
    if (!c.Find(key, kType, &object)) return;
    if (object == nullptr) continue;
    List& list = object->list();
    c.reply.ArrayHeader(2);
    c.reply.BulkString(key);
    const size_t count = std::min(static_cast<size_t>(pop.count), list.size());
    ReplyAndPop(c, list, end, count);
    c.Modified(key);
    PropagateAs(c, end == End::kHead ? "LPOP" : "RPOP", key, count);
    return;
  }
  c.reply.NullArray();
}

void LMove(CommandContext& c) {
  End from;
  End to;
  if (!ParseEnd(c, 3, &from) || !ParseEnd(c, 4, &to)) return;
  Move(c, from, to);
}

void RPopLPush(CommandContext& c) { Move(c, End::kTail, End::kHead); }

void LLen(CommandContext& c) {
  Object* object;
  if (!c.Find(c.args[1], kType, &object)) return;
  c.reply.Integer(object == nullptr ? 0 : static_cast<int64_t>(object->size()));
}

void LIndex(CommandContext& c) {
  Object* object;
  if (!c.Find(c.args[1], kType, &object)) return;
  if (object == nullptr) return c.reply.NullBulk();  // before the index is parsed
  int64_t index;
  if (!c.Int(2, &index)) return;
  const List& list = object->list();
  const size_t at = ClampIndex(index, list.size());
  if (at >= list.size()) return c.reply.NullBulk();
  c.reply.BulkString(list.at(at));
}

void LSet(CommandContext& c) {
  Object* object;
  if (!c.Find(c.args[1], kType, &object)) return;
  if (object == nullptr) {
    c.Error(errors::kNoSuchKey);
    return;
  }
  int64_t index;
  if (!c.Int(2, &index)) return;
  if (c.traits().lset_index_is_int) index = static_cast<int32_t>(index);
  List& list = object->list();
  const size_t at = ClampIndex(index, list.size());
  if (at >= list.size()) {
    c.Error(errors::kIndexOutOfRange);
    return;
  }
  list.Set(at, c.args[3]);
  c.reply.Ok();
  c.Modified(c.args[1]);
}

void LRange(CommandContext& c) {
  int64_t start;
  int64_t stop;
  if (!c.Int(2, &start) || !c.Int(3, &stop)) return;
  Object* object;
  if (!c.Find(c.args[1], kType, &object)) return;
  if (object == nullptr) return c.reply.ArrayHeader(0);
  const List& list = object->list();
  const IndexRange range = ClampRange(start, stop, list.size());
  c.reply.ArrayHeader(range.count);
  for (size_t i = 0; i < range.count; ++i) c.reply.BulkString(list.at(range.first + i));
}

void LTrim(CommandContext& c) {
  int64_t start;
  int64_t stop;
  if (!c.Int(2, &start) || !c.Int(3, &stop)) return;
  Object* object;
  if (!c.Find(c.args[1], kType, &object)) return;
  if (object == nullptr) return c.reply.Ok();
  List& list = object->list();
  const IndexRange kept = ClampRange(start, stop, list.size());
  if (kept.count == list.size()) PropagateNothing(c);
  const size_t end = kept.first + kept.count;
  list.Erase(end, list.size() - end);
  list.Erase(0, kept.first);
  c.reply.Ok();
  c.Modified(c.args[1]);  // even if nothing was removed
}

// Parses an integer; by profile, rejects the one whose negation does not fit.
bool SymmetricInt(CommandContext& c, size_t i, int64_t* value) {
  if (!c.Int(i, value)) return false;
  return *value != INT64_MIN || !c.traits().symmetric_counts || c.Error(errors::kNotSymmetric);
}

void LRem(CommandContext& c) {
  int64_t count;
  if (!SymmetricInt(c, 2, &count)) return;
  Object* object;
  if (!c.Find(c.args[1], kType, &object)) return;
  if (object == nullptr) return c.reply.Integer(0);
  List& list = object->list();
  const std::string_view element = c.args[3];
  const uint64_t limit = count < 0 ? 0 - static_cast<uint64_t>(count)
                                   : (count == 0 ? UINT64_MAX : static_cast<uint64_t>(count));
  uint64_t removed = 0;
  if (count >= 0) {
    for (size_t i = 0; i < list.size() && removed < limit;) {
      if (list.at(i) == element) {
        list.Erase(i, 1);
        ++removed;
      } else {
        ++i;
      }
    }
  } else {
    for (size_t i = list.size(); i > 0 && removed < limit; --i) {
      if (list.at(i - 1) != element) continue;
      list.Erase(i - 1, 1);
      ++removed;
    }
  }
  c.reply.Integer(static_cast<int64_t>(removed));
  if (removed > 0) c.Modified(c.args[1]);
}

void LInsert(CommandContext& c) {
  const bool after = c.Is(2, "AFTER");
  if (!after && !c.Is(2, "BEFORE")) {
    c.SyntaxError();
    return;
  }
  Object* object;
  if (!c.Find(c.args[1], kType, &object)) return;
  if (object == nullptr) return c.reply.Integer(0);
  List& list = object->list();
  size_t at = 0;
  while (at < list.size() && list.at(at) != c.args[3]) ++at;
  if (at == list.size()) return c.reply.Integer(-1);
  list.Insert(after ? at + 1 : at, c.args[4]);
  c.reply.Integer(static_cast<int64_t>(list.size()));
  c.Modified(c.args[1]);
}

void LPos(CommandContext& c) {
  int64_t rank = 1;
  int64_t count = -1;  // not given
  int64_t max_length = 0;
  const size_t argc = c.argc();
  for (size_t i = 3; i < argc; i += 2) {
    const bool more = i + 1 < argc;
    if (more && c.Is(i, "RANK")) {
      if (!SymmetricInt(c, i + 1, &rank)) return;
      if (rank == 0) {
        c.Error(
            "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or "
            "use negative to start from the end of the list");
        return;
      }
    } else if (more && c.Is(i, "COUNT")) {
      if (!c.IntBetween(i + 1, 0, INT64_MAX, &count, "ERR COUNT can't be negative")) return;
    } else if (more && c.Is(i, "MAXLEN")) {
      if (!c.IntBetween(i + 1, 0, INT64_MAX, &max_length, "ERR MAXLEN can't be negative")) return;
    } else {
      c.SyntaxError();
      return;
    }
  }
  const bool backwards = rank < 0;
  // The negation of INT64_MIN overflows: the server then skips no match and sets no bound.
  const bool unbounded = rank == INT64_MIN;
  uint64_t skip = 0;
  if (!unbounded) skip = static_cast<uint64_t>(backwards ? -rank : rank) - 1;
  uint64_t wanted = count > 0 && !unbounded ? static_cast<uint64_t>(count) : UINT64_MAX;
  if (count == -1) wanted = 1;

  Object* object;
  if (!c.Find(c.args[1], kType, &object)) return;
  if (object == nullptr) return count == -1 ? c.reply.NullBulk() : c.reply.ArrayHeader(0);
  const List& list = object->list();
  const size_t size = list.size();
  const size_t length = max_length == 0 ? size : std::min(size, static_cast<size_t>(max_length));
  c.positions.clear();
  for (size_t i = 0; i < length && c.positions.size() < wanted; ++i) {
    const size_t at = backwards ? size - 1 - i : i;
    if (list.at(at) != c.args[2]) continue;
    if (skip > 0) {
      --skip;
    } else {
      c.positions.push_back(static_cast<int>(at));
    }
  }
  if (count == -1) {
    return c.positions.empty() ? c.reply.NullBulk() : c.reply.Integer(c.positions[0]);
  }
  c.reply.ArrayHeader(c.positions.size());
  for (const int at : c.positions) c.reply.Integer(at);
}

constexpr CommandGroup kGroup = CommandGroup::kList;

constexpr CommandSpec kCommands[] = {
    {"lindex", 3, kReadonly, OneKey().Uses(kReads), kGroup, "1.0.0",
     "The element at an index of a list.", "key index", "bulk|null", LIndex},
    {"linsert", 5, kWrite | kDenyOom, OneKey().Uses(kAddsTo), kGroup, "2.2.0",
     "Inserts an element before or after the first one that equals the pivot.",
     "key <BEFORE | AFTER> element element", "int(-1..)", LInsert},
    {"llen", 2, kReadonly | kFast, OneKey().Uses(kLooksAt), kGroup, "1.0.0",
     "The length of a list.", "key", "int(0..)", LLen},
    {"lmove", 5, kWrite | kDenyOom, Keys(1, 2).Uses(kTakesFrom, kAddsTo), kGroup, "6.2.0",
     "Moves an element from an end of one list to an end of another, and returns it.",
     "source destination <LEFT | RIGHT> <LEFT | RIGHT>", "bulk|null", LMove},
    {"lmpop", -4, kWrite | kMovableKeys, NumKeys(1).Uses(kTakesFrom), kGroup, "7.0.0",
     "Pops elements from the first of the lists that has any.",
     "numkeys key [key ...] <LEFT | RIGHT> [COUNT count]", "tuple<bulk,array<bulk>>|nullarray",
     LMPop},
    {"lpop", -2, kWrite | kFast, OneKey().Uses(kTakesFrom), kGroup, "1.0.0",
     "Pops elements from a list's head.", "key [count]", "bulk|null|array<bulk>|nullarray", LPop},
    {"lpos", -3, kReadonly, OneKey().Uses(kReads), kGroup, "6.0.6",
     "Where an element stands in a list.",
     "key element [RANK integer] [COUNT count] [MAXLEN count]", "int(0..)|null|array<int(0..)>",
     LPos},
    {"lpush", -3, kWrite | kDenyOom | kFast, OneKey().Uses(kAddsTo), kGroup, "1.0.0",
     "Adds elements at a list's head.", "key element [element ...]", "int(1..)", LPush},
    {"lpushx", -3, kWrite | kDenyOom | kFast, OneKey().Uses(kAddsTo), kGroup, "2.2.0",
     "Adds elements at the head of a list that exists.", "key element [element ...]", "int(0..)",
     LPushX},
    {"lrange", 4, kReadonly, OneKey().Uses(kReads), kGroup, "1.0.0",
     "A range of a list's elements.", "key start stop", "array<bulk>", LRange},
    {"lrem", 4, kWrite, OneKey().Uses(kDeletesFrom), kGroup, "1.0.0",
     "Removes elements that equal the given one: from the head, from the tail if negative, all if "
     "zero.",
     "key count element", "int(0..)", LRem},
    {"lset", 4, kWrite | kDenyOom, OneKey().Uses(kUpdates), kGroup, "1.0.0",
     "Replaces the element at an index of a list.", "key index element", "ok", LSet},
    {"ltrim", 4, kWrite, OneKey().Uses(kDeletesFrom), kGroup, "1.0.0",
     "Removes all but a range of a list.", "key start stop", "ok", LTrim},
    {"rpop", -2, kWrite | kFast, OneKey().Uses(kTakesFrom), kGroup, "1.0.0",
     "Pops elements from a list's tail.", "key [count]", "bulk|null|array<bulk>|nullarray", RPop},
    {"rpoplpush", 3, kWrite | kDenyOom, Keys(1, 2).Uses(kTakesFrom, kAddsTo), kGroup, "1.2.0",
     "Moves the last element of one list to the head of another, and returns it.",
     "source destination", "bulk|null", RPopLPush},
    {"rpush", -3, kWrite | kDenyOom | kFast, OneKey().Uses(kAddsTo), kGroup, "1.0.0",
     "Adds elements at a list's tail.", "key element [element ...]", "int(1..)", RPush},
    {"rpushx", -3, kWrite | kDenyOom | kFast, OneKey().Uses(kAddsTo), kGroup, "2.2.0",
     "Adds elements at the tail of a list that exists.", "key element [element ...]", "int(0..)",
     RPushX},
};

}  // namespace

std::span<const CommandSpec> ListCommands() { return kCommands; }

}  // namespace resprobe
