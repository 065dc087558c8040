#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "core/commands/inline_vector.h"
#include "core/commands/sampling.h"
#include "core/commands/scan_names.h"
#include "core/server/propagate.h"
#include "core/table/command.h"
#include "core/table/groups.h"

// Sets, following src/t_set.c of redis 7.0.15.
namespace resprobe {
namespace {

constexpr ObjectType kType = ObjectType::kSet;

// Finds the set at a key, or nullptr; false after a WRONGTYPE reply. The set stays valid when a
// later lookup deletes another, expired key.
bool FindSet(CommandContext& c, std::string_view key, Set** set) {
  Object* object;
  if (!c.Find(key, kType, &object)) return false;
  *set = object == nullptr ? nullptr : &object->set();
  return true;
}

void SAdd(CommandContext& c) {
  Set* set;
  if (!FindSet(c, c.args[1], &set)) return;
  if (set == nullptr) set = &c.FindOrCreate(c.args[1], kType).set();
  int64_t added = 0;
  for (const std::string_view member : c.args.subspan(2)) added += set->Add(member);
  c.reply.Integer(added);
  if (added > 0) c.Modified(c.args[1]);
}

void SRem(CommandContext& c) {
  Set* set;
  if (!FindSet(c, c.args[1], &set)) return;
  if (set == nullptr) return c.reply.Integer(0);
  int64_t removed = 0;
  for (const std::string_view member : c.args.subspan(2)) removed += set->Erase(member);
  c.reply.Integer(removed);
  if (removed > 0) c.Modified(c.args[1]);
}

void SMove(CommandContext& c) {
  // A missing source is reported before any type check.
  Object* from = c.keyspace.Find(c.db, c.args[1]);
  if (from == nullptr) {
    c.keyspace.Find(c.db, c.args[2]);
    return c.reply.Integer(0);
  }
  const bool from_is_set = from->type() == kType;
  Set* source = from_is_set ? &from->set() : nullptr;
  Object* to = c.keyspace.Find(c.db, c.args[2]);
  if (!from_is_set) {
    c.WrongType();
    return;
  }
  if (!c.CheckType(to, kType)) return;
  const std::string_view member = c.args[3];
  if (to != nullptr && &to->set() == source) return c.reply.Integer(source->Contains(member));
  if (!source->Erase(member)) return c.reply.Integer(0);
  Set& target = to != nullptr ? to->set() : c.FindOrCreate(c.args[2], kType).set();
  const bool added = target.Add(member);
  c.Modified(c.args[1]);
  if (added) c.Modified(c.args[2]);
  c.reply.Integer(1);
}

void SIsMember(CommandContext& c) {
  Set* set;
  if (!FindSet(c, c.args[1], &set)) return;
  c.reply.Integer(set != nullptr && set->Contains(c.args[2]));
}

void SMIsMember(CommandContext& c) {
  Set* set;
  if (!FindSet(c, c.args[1], &set)) return;
  c.reply.ArrayHeader(c.argc() - 2);
  for (const std::string_view member : c.args.subspan(2)) {
    c.reply.Integer(set != nullptr && set->Contains(member));
  }
}

void SCard(CommandContext& c) {
  Set* set;
  if (!FindSet(c, c.args[1], &set)) return;
  c.reply.Integer(set == nullptr ? 0 : static_cast<int64_t>(set->size()));
}

void SMembers(CommandContext& c) {
  Set* set;
  if (!FindSet(c, c.args[1], &set)) return;
  const size_t size = set == nullptr ? 0 : set->size();
  c.reply.SetHeader(size);
  for (size_t i = 0; i < size; ++i) c.reply.BulkString(set->members().at(i).key);
}

// What replicas get in place of SPOP: the members that were popped.
class PoppedMembers {
 public:
  // `all`: the set is deleted.
  PoppedMembers(CommandContext& c, bool all) : c_(c) {
    const bool records = c.server.propagation().records();
    if (all) PropagateDeletion(c, c.args[1]);
    if (records && !all) [[unlikely]]
      names_.emplace();
  }
  void Add(std::string_view member) {
    if (names_) [[unlikely]]
      AddNow(member);
  }
  void End() {
    if (names_ && c_.traits().pops_in_one_command) [[unlikely]]
      EndNow();
  }

 private:
  // At most this many members in one command (t_set.c, spopWithCountCommand).
  static constexpr size_t kMost = 1024;

  [[gnu::cold, gnu::noinline]] void AddNow(std::string_view member) {
    if (!c_.traits().pops_in_one_command) return PropagateAs(c_, "SREM", c_.args[1], member);
    names_->emplace_back(member);
    if (names_->size() == kMost) EndNow();
  }
  [[gnu::cold, gnu::noinline]] void EndNow() {
    if (names_->empty()) return;
    std::vector<std::string_view> words = {"SREM", c_.args[1]};
    words.insert(words.end(), names_->begin(), names_->end());
    c_.server.propagation().Instead(c_.db, words);
    names_->clear();
  }

  CommandContext& c_;
  std::optional<std::vector<std::string>> names_;
};

void SPop(CommandContext& c) {
  if (c.argc() > 3) {
    c.SyntaxError();
    return;
  }
  const bool counted = c.argc() == 3;
  int64_t count = 1;
  if (counted && !c.IntBetween(2, 0, INT64_MAX, &count, errors::kMustBePositive)) return;
  Set* set;
  if (!FindSet(c, c.args[1], &set)) return;
  if (set == nullptr) return counted ? c.reply.SetHeader(0) : c.reply.NullBulk();
  if (count == 0) return c.reply.SetHeader(0);
  const size_t popped = std::min(static_cast<size_t>(count), set->size());
  PoppedMembers replicated(c, counted && popped == set->size());
  if (counted) c.reply.SetHeader(popped);
  for (size_t left = popped; left > 0; --left) {
    const size_t i = c.random.Below(set->size());
    c.reply.BulkString(set->members().at(i).key);
    replicated.Add(set->members().at(i).key);
    set->EraseAt(i);
  }
  replicated.End();
  // If few of many members remain, the server copies them to a new set, with an encoding of its
  // own, unless it was a listpack.
  const bool packed = c.traits().packs_lists_and_sets && !set->intset() && set->compact();
  if (counted && set->size() * 5 <= popped && !packed) {
    Set& kept = c.scratch_set;
    kept.Clear();
    for (size_t i = 0; i < set->size(); ++i) kept.Add(set->members().at(i).key);
    set->swap(kept);
  }
  c.Modified(c.args[1]);
}

void SRandMember(CommandContext& c) {
  if (c.argc() > 3) {
    c.SyntaxError();
    return;
  }
  const bool counted = c.argc() == 3;
  SampleRequest request;
  if (counted && !ParseSampleRequest(c, {}, &request)) return;
  Set* set;
  if (!FindSet(c, c.args[1], &set)) return;
  if (!counted) {
    if (set == nullptr) return c.reply.NullBulk();
    return c.reply.BulkString(set->members().at(c.random.Below(set->size())).key);
  }
  if (set == nullptr) return c.reply.ArrayHeader(0);
  size_t elements;
  if (!SampleSize(c, request, set->size(), &elements)) return;
  c.reply.ArrayHeader(elements);
  Sample(c.random, request.count, set->size(),
         [&](size_t i) { c.reply.BulkString(set->members().at(i).key); });
}

void SScan(CommandContext& c) {
  uint64_t cursor;
  if (!c.Cursor(2, &cursor)) return;
  Set* set;
  if (!FindSet(c, c.args[1], &set)) return;
  if (set == nullptr) return EmptyScanReply(c);  // before the options are parsed
  CommandContext::ScanOptions options;
  if (!c.ParseScanOptions(3, /*allow_type=*/false, &options)) return;
  c.views.clear();
  BeginScanReply(c, set->members(), set->intset(), cursor, options,
                 [&](const auto& entry) { c.views.push_back(entry.key); });
  c.reply.ArrayHeader(c.views.size());
  for (const std::string_view member : c.views) c.reply.BulkString(member);
}

// --- Several sets.

using Sources = InlineVector<const Set*, 16>;  // nullptr: the key is missing

// False after a WRONGTYPE reply, which any of the keys can cause, even after a missing one.
bool FindSources(CommandContext& c, std::span<const std::string_view> keys, Sources& sources) {
  for (const std::string_view key : keys) {
    Set* set;
    if (!FindSet(c, key, &set)) return false;
    sources.push_back(set);
  }
  return true;
}

// Each of these calls visit(member) once for each member of the result; visit returns whether to
// continue.

template <class Visit>
void Intersect(const Sources& sources, Visit&& visit) {
  const Set* smallest = sources[0];
  for (const Set* set : sources) {
    if (set == nullptr) return;
    if (set->size() < smallest->size()) smallest = set;
  }
  for (size_t i = 0; i < smallest->size(); ++i) {
    const std::string_view member = smallest->members().at(i).key;
    const bool everywhere = std::all_of(sources.begin(), sources.end(), [&](const Set* set) {
      return set == smallest || set->Contains(member);
    });
    if (everywhere && !visit(member)) return;
  }
}

// True if one of the sources [first, last) has the member.
bool AnyHas(const Sources& sources, size_t first, size_t last, std::string_view member) {
  return std::any_of(sources.begin() + first, sources.begin() + last,
                     [&](const Set* set) { return set != nullptr && set->Contains(member); });
}

template <class Visit>
void Unite(const Sources& sources, Visit&& visit) {
  for (size_t s = 0; s < sources.size(); ++s) {
    if (sources[s] == nullptr) continue;
    for (size_t i = 0; i < sources[s]->size(); ++i) {
      const std::string_view member = sources[s]->members().at(i).key;
      if (!AnyHas(sources, 0, s, member) && !visit(member)) return;
    }
  }
}

template <class Visit>
void Subtract(const Sources& sources, Visit&& visit) {
  if (sources[0] == nullptr) return;
  for (size_t i = 0; i < sources[0]->size(); ++i) {
    const std::string_view member = sources[0]->members().at(i).key;
    if (!AnyHas(sources, 1, sources.size(), member) && !visit(member)) return;
  }
}

enum class Operation { kIntersect, kUnite, kSubtract };

template <class Visit>
void Combine(Operation operation, const Sources& sources, Visit&& visit) {
  switch (operation) {
    case Operation::kIntersect:
      return Intersect(sources, visit);
    case Operation::kUnite:
      return Unite(sources, visit);
    case Operation::kSubtract:
      return Subtract(sources, visit);
  }
}

void ReplyCombined(CommandContext& c, Operation operation) {
  Sources sources;
  if (!FindSources(c, c.args.subspan(1), sources)) return;
  c.views.clear();
  Combine(operation, sources, [&](std::string_view member) {
    c.views.push_back(member);
    return true;
  });
  c.reply.SetHeader(c.views.size());
  for (const std::string_view member : c.views) c.reply.BulkString(member);
}

void SInter(CommandContext& c) { ReplyCombined(c, Operation::kIntersect); }
void SUnion(CommandContext& c) { ReplyCombined(c, Operation::kUnite); }
void SDiff(CommandContext& c) { ReplyCombined(c, Operation::kSubtract); }

// True if the server subtracts by removing members from a copy of the first set, instead of adding
// those that remain. This affects the encoding of the result: a copy of a set with members that are
// not integers stays a hash table.
bool SubtractsFromCopy(const Sources& sources) {
  if (sources[0] == nullptr) return false;
  size_t adding = 0;
  size_t removing = 0;
  for (size_t s = 0; s < sources.size(); ++s) {
    if (sources[s] == nullptr) continue;
    if (s > 0 && sources[s] == sources[0]) return false;
    adding += sources[0]->size();
    removing += sources[s]->size();
  }
  return adding / 2 > removing;
}

void StoreCombined(CommandContext& c, Operation operation) {
  Sources sources;
  if (!FindSources(c, c.args.subspan(2), sources)) return;
  // The destination may be one of the sources, so compute the result before replacing it.
  Set& result = c.scratch_set;
  result.Clear();
  if (operation == Operation::kSubtract && SubtractsFromCopy(sources)) {
    for (size_t i = 0; i < sources[0]->size(); ++i) result.Add(sources[0]->members().at(i).key);
    for (size_t i = result.size(); i-- > 0;) {
      if (AnyHas(sources, 1, sources.size(), result.members().at(i).key)) result.EraseAt(i);
    }
  } else {
    Combine(operation, sources, [&](std::string_view member) {
      result.Add(member);
      return true;
    });
  }
  c.reply.Integer(static_cast<int64_t>(result.size()));
  const std::string_view destination = c.args[1];
  if (result.empty()) {
    c.keyspace.DeleteEvenExpired(c.db, destination);
    return;
  }
  c.keyspace.Overwrite(c.db, destination, kType).set().swap(result);
  c.Modified(destination);
}

void SInterStore(CommandContext& c) { StoreCombined(c, Operation::kIntersect); }
void SUnionStore(CommandContext& c) { StoreCombined(c, Operation::kUnite); }
void SDiffStore(CommandContext& c) { StoreCombined(c, Operation::kSubtract); }

void SInterCard(CommandContext& c) {
  int64_t keys;
  if (!c.IntBetween(1, 1, INT64_MAX, &keys, "ERR numkeys should be greater than 0")) return;
  const size_t argc = c.argc();
  if (static_cast<uint64_t>(keys) > argc - 2) {
    c.Error("ERR Number of keys can't be greater than number of args");
    return;
  }
  int64_t limit = 0;
  for (size_t i = 2 + static_cast<size_t>(keys); i < argc; i += 2) {
    if (!c.Is(i, "LIMIT") || i + 1 == argc) {
      c.SyntaxError();
      return;
    }
    if (!c.IntBetween(i + 1, 0, INT64_MAX, &limit, "ERR LIMIT can't be negative")) return;
  }
  Sources sources;
  if (!FindSources(c, c.args.subspan(2, static_cast<size_t>(keys)), sources)) return;
  int64_t members = 0;
  Intersect(sources, [&](std::string_view) {
    ++members;
    return members != limit;
  });
  c.reply.Integer(members);
}

constexpr CommandGroup kGroup = CommandGroup::kSet;

constexpr CommandSpec kCommands[] = {
    {"sadd", -3, kWrite | kDenyOom | kFast, OneKey().Uses(kAddsTo), kGroup, "1.0.0",
     "Adds members to a set.", "key member [member ...]", "int(0..)", SAdd},
    {"scard", 2, kReadonly | kFast, OneKey().Uses(kLooksAt), kGroup, "1.0.0",
     "The number of members of a set.", "key", "int(0..)", SCard},
    {"sdiff",
     -2,
     kReadonly | kRandomOrder,
     Keys(1, -1).Uses(kReads),
     kGroup,
     "1.0.0",
     "The members of the first set that none of the others has.",
     "key [key ...]",
     "set<bulk>",
     SDiff,
     {.freedom = ReplyFreedom::kOrder}},
    {"sdiffstore", -3, kWrite | kDenyOom, Keys(1, -1).Uses(kOverwrites, kReads), kGroup, "1.0.0",
     "Stores what SDIFF returns.", "destination key [key ...]", "int(0..)", SDiffStore},
    {"sinter",
     -2,
     kReadonly | kRandomOrder,
     Keys(1, -1).Uses(kReads),
     kGroup,
     "1.0.0",
     "The members that all the sets have.",
     "key [key ...]",
     "set<bulk>",
     SInter,
     {.freedom = ReplyFreedom::kOrder}},
    {"sintercard", -3, kReadonly | kMovableKeys, NumKeys(1).Uses(kReads), kGroup, "7.0.0",
     "How many members all the sets have, counted up to a limit.",
     "numkeys key [key ...] [LIMIT count]", "int(0..)", SInterCard},
    {"sinterstore", -3, kWrite | kDenyOom, Keys(1, -1).Uses(kUpdates, kReads), kGroup, "1.0.0",
     "Stores what SINTER returns.", "destination key [key ...]", "int(0..)", SInterStore},
    {"sismember", 3, kReadonly | kFast, OneKey().Uses(kLooksAt), kGroup, "1.0.0",
     "Whether a set has a member.", "key member", "int(0..1)", SIsMember},
    {"smembers",
     2,
     kReadonly | kRandomOrder,
     OneKey().Uses(kReads),
     kGroup,
     "1.0.0",
     "All members of a set.",
     "key",
     "set<bulk>",
     SMembers,
     {.freedom = ReplyFreedom::kOrder}},
    {"smismember", -3, kReadonly | kFast, OneKey().Uses(kReads), kGroup, "6.2.0",
     "Whether a set has each of the members.", "key member [member ...]", "array<int(0..1)>",
     SMIsMember},
    {"smove", 4, kWrite | kFast, Keys(1, 2).Uses(kTakesFrom, kAddsTo), kGroup, "1.0.0",
     "Moves a member from one set to another.", "source destination member", "int(0..1)", SMove},
    {"spop",
     -2,
     kWrite | kFast | kRandomOutput,
     OneKey().Uses(kTakesFrom),
     kGroup,
     "1.0.0",
     "Removes and returns random members.",
     "key [count]",
     "bulk|null|set<bulk>",
     SPop,
     {.freedom = ReplyFreedom::kPop}},
    {"srandmember",
     -2,
     kReadonly | kRandomOutput,
     OneKey().Uses(kReads),
     kGroup,
     "1.0.0",
     "Random members of a set.",
     "key [count]",
     "bulk|null|array<bulk>",
     SRandMember,
     {.freedom = ReplyFreedom::kPick, .universe = "SMEMBERS key"}},
    {"srem", -3, kWrite | kFast, OneKey().Uses(kDeletesFrom), kGroup, "1.0.0",
     "Removes members of a set.", "key member [member ...]", "int(0..)", SRem},
    {"sscan",
     -3,
     kReadonly | kRandomOutput,
     OneKey().Uses(kReads),
     kGroup,
     "2.8.0",
     "One step of an iteration over the members of a set.",
     "key cursor [MATCH pattern] [COUNT count]",
     "tuple<bulk(int),array<bulk>>",
     SScan,
     {.freedom = ReplyFreedom::kScan}},
    {"sunion",
     -2,
     kReadonly | kRandomOrder,
     Keys(1, -1).Uses(kReads),
     kGroup,
     "1.0.0",
     "The members that any of the sets has.",
     "key [key ...]",
     "set<bulk>",
     SUnion,
     {.freedom = ReplyFreedom::kOrder}},
    {"sunionstore", -3, kWrite | kDenyOom, Keys(1, -1).Uses(kOverwrites, kReads), kGroup, "1.0.0",
     "Stores what SUNION returns.", "destination key [key ...]", "int(0..)", SUnionStore},
};

}  // namespace

std::span<const CommandSpec> SetCommands() { return kCommands; }

}  // namespace resprobe
