#include "live/restore/restore_traffic.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <utility>

#include "core/table/letter_case.h"
#include "core/table/numbers.h"
#include "core/table/table.h"
#include "worlds/command/reply_model.h"

namespace resprobe::live {
namespace {

constexpr size_t kKinds = static_cast<size_t>(ValueKind::kNone) + 1;

// Calls of commands that the command table lacks. {k} is a key, {i} a stream's id, {n} a small
// number, {g} a group, {c} a consumer, {m} a member, {=} "=" or "~".
constexpr std::string_view kStreamCalls[] = {
    "XLEN {k}",
    "XRANGE {k} - +",
    "XRANGE {k} - + COUNT {n}",
    "XRANGE {k} {i} {i}",
    "XRANGE {k} ({i} +",
    "XREVRANGE {k} + -",
    "XREVRANGE {k} + - COUNT {n}",
    "XREVRANGE {k} {i} {i}",
    "XADD {k} * a 1",
    "XADD {k} * a 1 b 2",
    "XADD {k} {i} a 1",
    "XADD {k} 18446744073709551615-* a 1",
    "XADD {k} NOMKSTREAM MAXLEN {=} {n} * a 1 b 2",
    "XADD {k} MINID {=} {i} LIMIT {n} * a 1",
    "XDEL {k} {i}",
    "XDEL {k} {i} {i} {i}",
    "XTRIM {k} MAXLEN = {n}",
    "XTRIM {k} MAXLEN ~ {n}",
    "XTRIM {k} MAXLEN ~ {n} LIMIT {n}",
    "XTRIM {k} MINID = {i}",
    "XTRIM {k} MINID ~ {i}",
    "XSETID {k} {i}",
    "XSETID {k} {i} ENTRIESADDED {n} MAXDELETEDID {i}",
    "XREAD STREAMS {k} {i}",
    "XREAD COUNT {n} STREAMS {k} {k} {i} {i}",
    "XREAD COUNT {n} STREAMS {k} $",
    "XREADGROUP GROUP {g} {c} STREAMS {k} >",
    "XREADGROUP GROUP {g} {c} COUNT {n} STREAMS {k} >",
    "XREADGROUP GROUP {g} {c} COUNT {n} NOACK STREAMS {k} >",
    "XREADGROUP GROUP {g} {c} STREAMS {k} {i}",
    "XREADGROUP GROUP {g} {c} COUNT {n} STREAMS {k} 0",
    "XACK {k} {g} {i}",
    "XACK {k} {g} {i} {i}",
    "XPENDING {k} {g}",
    "XPENDING {k} {g} - + {n}",
    "XPENDING {k} {g} - + {n} {c}",
    "XPENDING {k} {g} IDLE 0 {i} + {n} {c}",
    "XCLAIM {k} {g} {c} 0 {i}",
    "XCLAIM {k} {g} {c} 0 {i} {i} JUSTID",
    "XCLAIM {k} {g} {c} 0 {i} FORCE",
    "XCLAIM {k} {g} {c} 0 {i} FORCE IDLE 1 RETRYCOUNT {n} LASTID {i}",
    "XAUTOCLAIM {k} {g} {c} 0 0",
    "XAUTOCLAIM {k} {g} {c} 0 {i} COUNT {n}",
    "XAUTOCLAIM {k} {g} {c} 0 0 COUNT {n} JUSTID",
    "XGROUP CREATE {k} {g} {i}",
    "XGROUP CREATE {k} {g} $ MKSTREAM ENTRIESREAD {n}",
    "XGROUP SETID {k} {g} {i}",
    "XGROUP SETID {k} {g} 0 ENTRIESREAD {n}",
    "XGROUP DESTROY {k} {g}",
    "XGROUP CREATECONSUMER {k} {g} {c}",
    "XGROUP DELCONSUMER {k} {g} {c}",
    "XINFO STREAM {k}",
    "XINFO STREAM {k} FULL",
    "XINFO STREAM {k} FULL COUNT {n}",
    "XINFO GROUPS {k}",
    "XINFO CONSUMERS {k} {g}",
};
constexpr std::string_view kHyperLogLogCalls[] = {
    "PFCOUNT {k}",        "PFCOUNT {k}",        "PFCOUNT {k} {k}",      "PFADD {k} a",
    "PFADD {k} a b {m}",  "PFADD {k}",          "PFMERGE {k} {k}",      "PFMERGE k2 {k} {k}",
    "PFDEBUG GETREG {k}", "PFDEBUG DECODE {k}", "PFDEBUG ENCODING {k}", "PFDEBUG TODENSE {k}",
};
constexpr std::string_view kGeoCalls[] = {
    "GEODIST {k} {m} {m} km",
    "GEOHASH {k} {m} {m}",
    "GEOPOS {k} {m} {m}",
    "GEOADD {k} 13.361389 38.115556 {m}",
    "GEOSEARCH {k} FROMMEMBER {m} BYRADIUS 20000 km ASC",
    "GEOSEARCH {k} FROMLONLAT 15 37 BYBOX 400 400 km ASC COUNT {n} WITHCOORD WITHDIST WITHHASH",
    "GEOSEARCH {k} FROMLONLAT 0 0 BYRADIUS 30000 km COUNT {n} ANY",
    "GEOSEARCHSTORE k2 {k} FROMMEMBER {m} BYRADIUS 20000 km STOREDIST",
    "GEORADIUS {k} 15 37 20000 km WITHDIST",
    "GEORADIUSBYMEMBER {k} {m} 20000 km",
};
constexpr std::string_view kGenericCalls[] = {
    "DUMP {k}",
    "COPY {k} k2 REPLACE",
    "OBJECT ENCODING {k}",
    "MEMORY USAGE {k} SAMPLES 0",
    "DEBUG OBJECT {k}",
    "DEBUG DIGEST-VALUE {k}",
    "TYPE {k}",
    "SORT {k} ALPHA",
    "SORT {k} BY nosort GET # STORE k2",
};

constexpr std::string_view kIds[] = {
    "0",   "0-0", "1-1", "1-2", "1-2", "2-0",
    "3-0", "4-0", "5-0", "5",   "9-9", "18446744073709551615-18446744073709551615"};
constexpr std::string_view kNumbers[] = {"0", "1", "1", "2", "3", "10", "100", "-1"};
constexpr std::string_view kMembers[] = {"a", "b", "c", "d", "1", "2", "-7", "3.5", "aa", "x"};

std::string_view KeyFor(Rng& rng) {
  return rng.OneIn(8) ? rng.Pick(RestoreWorld::kKeyNames) : RestoreWorld::kKeyNames[0];
}

// Commands that do not fit into a pipeline on a few keys.
bool FitsPipeline(const Command& command) {
  constexpr uint32_t kOutside = kOtherDatabase | kShowsKeys | kNotCompared | kRare | kMayWait;
  if ((command.traits().bits & kOutside) != 0 || command.may_wait) return false;
  if (command.role != CommandRole::kPlain || command.Has(kBlocking)) return false;
  // Keys that expire would end the case early.
  if (command.traits().time.kind != TimeArgument::Kind::kNone) return false;
  return command.spec->keys.kind != KeySpec::Kind::kNone &&
         command.spec->keys.kind != KeySpec::Kind::kChannels;
}

std::unique_ptr<CommandChoice> ChoiceOf(const LiveServer& server,
                                        std::initializer_list<CommandGroup> groups) {
  auto choice = std::make_unique<CommandChoice>([&](const Command& command) {
    return std::ranges::find(groups, command.spec->group) != groups.end() &&
           FitsPipeline(command) && server.Has(command.full_name());
  });
  return choice->empty() ? nullptr : std::move(choice);
}

// "xgroup|create", "xadd".
bool ServerHas(const LiveServer& server, std::string_view line) {
  const size_t end = std::min(line.find(' '), line.size());
  return server.Has(LowerCase(line.substr(0, end)));
}

}  // namespace

ValueKind KindOf(RdbType type) {
  switch (type) {
    case RdbType::kString:
      return ValueKind::kString;
    case RdbType::kList:
    case RdbType::kZiplistList:
    case RdbType::kZiplistQuicklist:
    case RdbType::kQuicklist:
      return ValueKind::kList;
    case RdbType::kSet:
    case RdbType::kIntset:
    case RdbType::kListpackSet:
      return ValueKind::kSet;
    case RdbType::kZSetText:
    case RdbType::kZSet:
    case RdbType::kZiplistZSet:
    case RdbType::kListpackZSet:
      return ValueKind::kZSet;
    case RdbType::kHash:
    case RdbType::kZipmapHash:
    case RdbType::kZiplistHash:
    case RdbType::kListpackHash:
      return ValueKind::kHash;
    case RdbType::kStream1:
    case RdbType::kStream2:
    case RdbType::kStream3:
      return ValueKind::kStream;
  }
  return ValueKind::kNone;
}

RestoreGenerator::RestoreGenerator(const std::vector<std::string>& dumped,
                                   std::vector<std::string> strings, const LiveServer& server)
    : mutator_(dumped), strings_(std::move(strings)), pools_(kKinds) {
  const auto pool = [&](ValueKind kind) -> Pool& { return pools_[static_cast<size_t>(kind)]; };
  const auto add = [&](Pool& into, std::span<const std::string_view> lines) {
    for (const std::string_view line : lines) {
      if (ServerHas(server, line)) into.templates.push_back(line);
    }
  };
  pool(ValueKind::kString).table = ChoiceOf(server, {CommandGroup::kString, CommandGroup::kBitmap});
  pool(ValueKind::kList).table = ChoiceOf(server, {CommandGroup::kList});
  pool(ValueKind::kSet).table = ChoiceOf(server, {CommandGroup::kSet});
  pool(ValueKind::kZSet).table = ChoiceOf(server, {CommandGroup::kSortedSet});
  pool(ValueKind::kHash).table = ChoiceOf(server, {CommandGroup::kHash});
  add(pool(ValueKind::kString), kHyperLogLogCalls);
  add(pool(ValueKind::kZSet), kGeoCalls);
  add(pool(ValueKind::kStream), kStreamCalls);
  generic_.table = ChoiceOf(server, {CommandGroup::kGeneric});
  add(generic_, kGenericCalls);
}

std::vector<std::string> RestoreGenerator::CommandsOf(ValueKind kind) const {
  std::set<std::string> names;
  Arena arena;
  Gen gen(1, &arena);
  const Pool& pool = pools_[static_cast<size_t>(kind)];
  for (const std::string_view line : pool.templates) {
    names.insert(LowerCase(line.substr(0, std::min(line.find(' '), line.size()))));
  }
  constexpr uint64_t kSeeds = 3000;
  for (uint64_t seed = 0; pool.table != nullptr && seed < kSeeds; ++seed) {
    arena.Reset();
    Gen one(seed, &arena);
    names.insert(LowerCase(pool.table->Generate(one)[0]));
  }
  return {names.begin(), names.end()};
}

void RestoreGenerator::Generate(uint64_t seed, bool sanitize, Arena* arena, RestoreCase* c) const {
  Gen gen(seed, arena);
  Rng& rng = gen.rng();
  c->config.sanitize = sanitize;
  c->ops.clear();
  ValueKind kind = ValueKind::kString;
  if (!strings_.empty() && rng.OneIn(8)) {
    RestoreWorld::Set set;
    set.value.bytes = arena->Copy(PayloadMutator::MutateString(rng, rng.Pick(strings_)));
    c->ops.emplace_back(set);
  } else {
    // Sometimes a second value, which commands on two keys meet.
    for (uint64_t key = rng.OneIn(6) ? 1 : 0;; --key) {
      RestoreWorld::Restore restore;
      restore.key.value = static_cast<uint8_t>(key);
      const std::string value = mutator_.Make(rng);
      restore.value.bytes = arena->Copy(value);
      if (rng.OneIn(24)) restore.footer = static_cast<Footer>(rng.Below(std::size(kFooterNames)));
      kind = value.empty() ? ValueKind::kNone : KindOf(static_cast<RdbType>(value[0]));
      c->ops.emplace_back(restore);
      if (key == 0) break;
    }
  }
  const uint64_t calls = 2 + rng.Below(uint64_t{2} << rng.Below(5));
  for (uint64_t i = 0; i < calls; ++i) AddCall(gen, kind, c);
}

void RestoreGenerator::AddCall(Gen& gen, ValueKind kind, RestoreCase* c) const {
  Rng& rng = gen.rng();
  const Pool* pool = &pools_[static_cast<size_t>(kind)];
  if ((pool->table == nullptr && pool->templates.empty()) || rng.OneIn(6)) pool = &generic_;
  RestoreWorld::Call call;
  const bool use_template = !pool->templates.empty() && (pool->table == nullptr || rng.OneIn(3));
  if (use_template) {
    call.args.words = FromTemplate(gen, rng.Pick(pool->templates));
  } else if (pool->table != nullptr) {
    call.args.words = FromTable(gen, *pool->table);
  }
  if (!call.args.words.empty()) c->ops.emplace_back(call);
}

std::span<const std::string_view> RestoreGenerator::FromTemplate(Gen& gen,
                                                                 std::string_view line) const {
  Rng& rng = gen.rng();
  Arena& arena = gen.arena();
  while (!line.empty()) {
    const size_t end = std::min(line.find(' '), line.size());
    std::string_view word = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    const bool open = word.starts_with('(');
    const size_t hole = word.find('{');
    if (hole == word.npos) {
      arena.Add(word);
      continue;
    }
    switch (word[hole + 1]) {
      case 'k':
        word = KeyFor(rng);
        break;
      case 'i':
        word = rng.Pick(kIds);
        break;
      case 'n':
        word = rng.OneIn(16) ? gen.EdgeNumberText() : rng.Pick(kNumbers);
        break;
      case 'g':
        word = rng.OneIn(4) ? "g2" : "g1";
        break;
      case 'c':
        word = rng.OneIn(3) ? "c2" : rng.OneIn(6) ? "c3" : "c1";
        break;
      case 'm':
        word = rng.Pick(kMembers);
        break;
      default:
        word = rng.OneIn(2) ? "~" : "=";
    }
    arena.Add(open ? arena.Copy("(" + std::string(word)) : word);
  }
  return arena.TakeWords();
}

std::span<const std::string_view> RestoreGenerator::FromTable(Gen& gen,
                                                              const CommandChoice& choice) const {
  const std::span<const std::string_view> made = choice.Generate(gen);
  std::span<std::string_view> words = gen.arena().Words(made.size());
  std::copy(made.begin(), made.end(), words.begin());
  const Command* command = ReplyModel::Find(words);
  if (command == nullptr || !command->ArityFits(words.size())) return words;
  // Random elements, as often as is asked for: an answer in proportion.
  if (command->traits().freedom == ReplyFreedom::kPick && words.size() > 2) {
    constexpr int64_t kMostRepeats = 64;
    int64_t count = 0;
    if (ParseInt64(words[2], &count) && count < -kMostRepeats) words[2] = "-64";
  }
  std::vector<int> positions;
  if (!KeyPositions(*command, words, positions)) return words;
  for (const int position : positions) words[static_cast<size_t>(position)] = KeyFor(gen.rng());
  return words;
}

}  // namespace resprobe::live
