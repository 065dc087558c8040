#include "worlds/command/command_generate.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "core/keyspace/keyspace.h"
#include "core/persistence/rdb.h"
#include "core/table/table.h"
#include "worlds/command/command_syntax.h"

namespace resprobe {
namespace {

// A command that can be called, with its syntax parsed.
struct Callable {
  const Command* command;
  SyntaxPart syntax;
  bool rare;  // disrupts the run, or has a very long reply
};

// The commands of every profile: a case runs against any of them, and a command that a profile
// lacks is refused as its server does. A command whose syntax differs by profile (ZRANK WITHSCORE)
// occurs twice.
std::vector<Callable> MakeCallables() {
  std::vector<Callable> result;
  const auto add = [&](const Command& command) {
    result.push_back({&command, ParseSyntax(command.spec->syntax), command.HasTrait(kRare)});
  };
  const auto known = [&](const Command& command) {
    return std::ranges::any_of(result, [&](const Callable& callable) {
      return callable.command->full_name() == command.full_name() &&
             callable.command->spec->syntax == command.spec->syntax;
    });
  };
  for (size_t profile = 0; profile < kProfileCount; ++profile) {
    for (const Command& command : Commands(static_cast<Profile>(profile))) {
      if (command.HasTrait(kNotCompared)) continue;
      if (command.spec->handler != nullptr && !known(command)) add(command);
      for (const Command& subcommand : command.subcommands) {
        if (!known(subcommand)) add(subcommand);
      }
    }
  }
  return result;
}

const std::vector<Callable>& Callables() {
  static const std::vector<Callable> callables = MakeCallables();
  return callables;
}

constexpr uint64_t kRarer = 4;
constexpr uint64_t kMostWeight = 8 * 8 * kRarer;
// Numbers of the swarm, apart from those of groups and commands.
constexpr uint64_t kTransactionsSwarm = 0x30000;
constexpr uint64_t kFocusSwarm = 0x40000;
constexpr uint64_t kCreateSwarm = 0x50000;
constexpr uint64_t kManySwarm = 0x60000;
constexpr uint64_t kWatchSwarm = 0x70000;

// The indices of the commands of each group.
using Groups = std::array<std::vector<uint16_t>, 1 + static_cast<size_t>(CommandGroup::kServer)>;
const Groups& GroupsOfCallables() {
  static const Groups groups = [] {
    Groups made;
    for (size_t i = 0; i < Callables().size(); ++i) {
      made[static_cast<size_t>(Callables()[i].command->spec->group)].push_back(
          static_cast<uint16_t>(i));
    }
    return made;
  }();
  return groups;
}

// A quarter of the seeds have commands of one or two groups alone: their requests meet the same few
// keys again and again, so that a case reaches what only a sequence of related commands reaches.
bool IsFocused(const Gen& gen) { return swarm_enabled && gen.SwarmBits(kFocusSwarm) % 4 == 0; }

const Callable& PickFocused(Gen& gen) {
  const Groups& groups = GroupsOfCallables();
  const uint64_t bits = gen.SwarmBits(kFocusSwarm);
  const std::vector<uint16_t>& group =
      groups[(gen.rng().OneIn(2) ? bits >> 8 : bits >> 16) % groups.size()];
  size_t picked = 0;
  constexpr uint64_t kMost = 8 * kRarer;
  for (int attempt = 0; attempt < 16; ++attempt) {
    picked = gen.rng().Pick(group);
    const uint64_t weight = gen.Swarm(0x20000 + picked) * (Callables()[picked].rare ? 1 : kRarer);
    if (gen.rng().Below(kMost) < weight) break;
  }
  return Callables()[picked];
}

// Integers, so that a rare command with a low weight still has a chance.
uint64_t WeightOf(const Gen& gen, size_t i) {
  const Callable& callable = Callables()[i];
  const auto group = static_cast<uint64_t>(callable.command->spec->group);
  return uint64_t{gen.Swarm(0x10000 + group)} * gen.Swarm(0x20000 + i) *
         (callable.rare ? 1 : kRarer);
}

// Rejection sampling: draw uniformly, accept with the seed's weight. This needs no sum over the
// table. `pick` draws the index of a command.
template <class Pick>
const Callable& PickCommand(Gen& gen, const Pick& pick) {
  size_t picked = 0;
  for (int attempt = 0; attempt < 64; ++attempt) {
    picked = pick();
    if (gen.rng().Below(kMostWeight) < WeightOf(gen, picked)) break;
  }
  return Callables()[picked];
}

// What makes a value of a group's type. Among some 300 commands these few are rare, and most others
// do nothing where there is no key.
const Callable& Creator(Gen& gen, CommandGroup group) {
  static const std::array<std::vector<uint16_t>, 5> creators = [] {
    constexpr std::string_view kNames[][2] = {{"set", "append"},
                                              {"rpush", "lpush"},
                                              {"hset", "hset"},
                                              {"sadd", "sadd"},
                                              {"zadd", "zadd"}};
    std::array<std::vector<uint16_t>, 5> made;
    for (size_t i = 0; i < Callables().size(); ++i) {
      for (size_t type = 0; type < made.size(); ++type) {
        if (std::ranges::find(kNames[type], Callables()[i].command->full_name()) !=
            std::end(kNames[type])) {
          made[type].push_back(static_cast<uint16_t>(i));
        }
      }
    }
    return made;
  }();
  const auto type = [&]() -> size_t {
    switch (group) {
      case CommandGroup::kString:
      case CommandGroup::kBitmap:
        return 0;
      case CommandGroup::kList:
        return 1;
      case CommandGroup::kHash:
        return 2;
      case CommandGroup::kSet:
        return 3;
      case CommandGroup::kSortedSet:
        return 4;
      default:
        return gen.rng().Below(creators.size());
    }
  };
  return Callables()[gen.rng().Pick(creators[type()])];
}

constexpr std::string_view kMembers[] = {"a", "b", "c", "d", "1", "2", "-7", "3.5", "", "aa"};
constexpr std::string_view kPatterns[] = {"*",  "k*", "?",       "[a-c]*", "\\*",
                                          "n*", "c?", "[^a-c]*", "[z-a]*", "*aa"};
constexpr std::string_view kCursors[] = {"0", "0", "0", "18446744073709551615",
                                         "18446744073709551616"};
constexpr std::string_view kKeyPatterns[] = {"*", "#", "s*", "h*->a", "s0", "h0->*", "*->b", "u*"};
constexpr std::string_view kTimeouts[] = {"0", "1", "0.1", "0.001", "2", "0.0004"};
constexpr std::string_view kBitTypes[] = {"u1", "i8", "u8", "i5", "u63", "i64", "i1", "u64", "u16"};
constexpr std::string_view kBitOffsets[] = {"0", "1", "7", "#0", "#1", "#2", "63", "-1"};
constexpr std::string_view kSettings[] = {"tracking-table-max-keys", "proto-max-bulk-len",
                                          "databases"};
constexpr std::string_view kChannels[] = {"n1", "n2", "c1"};
constexpr std::string_view kScores[] = {"0",   "1",    "2",    "-1",    "1.5",
                                        "inf", "-inf", "+inf", "1e300", "-0"};
constexpr std::string_view kScoreBounds[] = {"-inf", "+inf", "0",   "1",   "(1",
                                             "(0",   "2",    "1.5", "(inf"};
constexpr std::string_view kLexBounds[] = {"-", "+", "[a", "(a", "[b", "(c", "[", "a"};
// 9999 is the greatest number that servers share.
constexpr std::string_view kIntegers[] = {"0",  "1",  "2",  "3",   "5",    "10",
                                          "-1", "-2", "-3", "100", "9999", "10000"};
constexpr std::string_view kTypes[] = {"string", "list", "set", "zset", "hash", "none"};
// Named by type, so that most commands meet a value of their type, and some do not.
constexpr std::string_view kKeys[] = {"s0", "s1", "l0", "l1", "h0", "h1", "u0", "u1", "z0", "z1"};

// What DUMP replies to, of each type in its small and its large form, as redis 7.0 encodes it;
// valkey reads that too.
const std::vector<std::string>& Payloads() {
  static const std::vector<std::string> payloads = [] {
    Keyspace keyspace(1);
    std::vector<std::string> made;
    const auto dump = [&](std::string_view key) {
      AppendDumpPayload(*keyspace.Peek(0, key), Profile::kRedis70, true, &made.emplace_back());
    };
    for (const std::string_view value : {"x", "12", "hello hello hello hello hello hello"}) {
      keyspace.SetString(0, "s", value);
      dump("s");
    }
    for (const int size : {2, 130}) {
      List& list = keyspace.Overwrite(0, "l", ObjectType::kList).list();
      Set& numbers = keyspace.Overwrite(0, "n", ObjectType::kSet).set();
      Set& names = keyspace.Overwrite(0, "u", ObjectType::kSet).set();
      Hash& hash = keyspace.Overwrite(0, "h", ObjectType::kHash).hash();
      ZSet& zset = keyspace.Overwrite(0, "z", ObjectType::kZset).zset();
      for (int i = 0; i < size; ++i) {
        const std::string number = std::to_string(i);
        const std::string name = "a" + number;
        list.PushBack(number);
        numbers.Add(number);
        names.Add(name);
        hash.Set(name, number);
        zset.Set(name, i);
      }
      for (const std::string_view key : {"l", "n", "u", "h", "z"}) dump(key);
    }
    return made;
  }();
  return payloads;
}

// Any pair of kKeys; of a focused seed mostly the same one.
size_t AnyPair(Gen& gen) {
  constexpr size_t kPairs = std::size(kKeys) / 2;
  const bool same = IsFocused(gen) && !gen.rng().OneIn(4);
  return 2 * ((same ? gen.SwarmBits(kFocusSwarm) >> 24 : gen.rng().Next()) % kPairs);
}

class Expander {
 public:
  Expander(Gen& gen, const Command& command) : gen_(gen), command_(command) {
    // Prefer the pair of keys that hold the type of this command's group.
    switch (command.spec->group) {
      case CommandGroup::kList:
        own_keys_ = 2;
        break;
      case CommandGroup::kHash:
        own_keys_ = 4;
        break;
      case CommandGroup::kSet:
        own_keys_ = 6;
        break;
      case CommandGroup::kSortedSet:
        own_keys_ = 8;
        break;
      case CommandGroup::kString:
      case CommandGroup::kBitmap:
        own_keys_ = 0;
        break;
      default:
        own_keys_ = AnyPair(gen);
        break;
    }
  }

  std::span<const std::string_view> Run(const SyntaxPart& syntax) {
    const bool often = swarm_enabled && gen_.SwarmBits(kManySwarm) % kManySeeds == 0;
    many_ = gen_.rng().OneIn(often ? kManyOneInThere : kManyOneIn);
    if (many_) words_ = gen_.arena().Words(kMostOfMany);
    if (command_.parent != nullptr) Add(Name(command_.parent->name()));
    Add(Name(command_.name()));
    Expand(syntax);
    if (numkeys_ != 0 && !gen_.rng().OneIn(8)) words_[numkeys_] = Decimal(keys_);
    Spoil();
    std::span<std::string_view> words = gen_.arena().Words(count_);
    std::copy_n(words_.begin(), count_, words.begin());
    return words;
  }

 private:
  static constexpr size_t kMost = 48;
  // One request in kManyOneIn has as many elements as a small encoding may have, give or take one.
  static constexpr uint64_t kManyOneIn = 300;
  // In one seed in kManySeeds they are much more frequent.
  static constexpr uint64_t kManySeeds = 16;
  static constexpr uint64_t kManyOneInThere = 24;
  static constexpr uint64_t kTwiceOneIn = 12;
  static constexpr size_t kMostOfMany = 1040;
  static constexpr size_t kEncodingSizes[] = {64, 128, 128, 128, 512};
  // One text in kLongOneIn is as long as a small encoding permits, give or take a byte.
  static constexpr uint64_t kLongOneIn = 24;
  static constexpr size_t kEncodingLengths[] = {44, 64};

  void Add(std::string_view word) {
    if (count_ < words_.size()) words_[count_++] = word;
  }

  // A text near a limit of an encoding.
  std::string_view LongText() {
    Rng& rng = gen_.rng();
    const size_t size = rng.Pick(kEncodingLengths) + rng.Below(3) - 1;
    char* bytes = gen_.arena().Bytes(size);
    std::fill_n(bytes, size, static_cast<char>('a' + rng.Below(3)));
    return {bytes, size};
  }

  // Command names are case-insensitive.
  std::string_view Name(std::string_view name) {
    if (gen_.rng().OneIn(4)) return name;
    char* upper = gen_.arena().Bytes(name.size());
    std::transform(name.begin(), name.end(), upper,
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c; });
    return {upper, name.size()};
  }

  std::string_view Decimal(int64_t number) {
    char text[24];
    const auto end = std::to_chars(text, text + sizeof text, number).ptr;
    return gen_.arena().Copy({text, static_cast<size_t>(end - text)});
  }

  void Expand(const SyntaxPart& part) {
    if (part.optional && !part.repeats && gen_.rng().OneIn(2)) return;
    size_t times = 1;
    if (part.repeats) {
      // The minimum is 0 for [a ...] and 1 for <a ...>.
      times = gen_.rng().Below(3) + (part.optional ? 0 : 1);
      if (std::exchange(many_, false)) {
        times = gen_.rng().Pick(kEncodingSizes) + gen_.rng().Below(3) - 1;
        next_ = 1;
      }
    }
    for (; times > 0; --times) {
      switch (part.kind) {
        case SyntaxPart::Kind::kArgument:
          Argument(part.word);
          break;
        case SyntaxPart::Kind::kToken:
          Add(part.word);
          break;
        case SyntaxPart::Kind::kChoice:
          Expand(gen_.rng().Pick(part.parts));
          // Options that exclude each other, or one of them twice.
          if (part.optional && gen_.rng().OneIn(kTwiceOneIn)) Expand(gen_.rng().Pick(part.parts));
          break;
        case SyntaxPart::Kind::kSequence:
          Sequence(part.parts);
          break;
      }
    }
  }

  // Adjacent options come in any order.
  void Sequence(const std::vector<SyntaxPart>& parts) {
    for (size_t i = 0; i < parts.size();) {
      size_t end = i;
      while (end < parts.size() && parts[end].optional) ++end;
      if (end - i < 2) {
        Expand(parts[i++]);
        continue;
      }
      const size_t shift = gen_.rng().Below(end - i);
      for (size_t j = 0; j < end - i; ++j) Expand(parts[i + (j + shift) % (end - i)]);
      i = end;
    }
  }

  std::string_view Key() {
    ++keys_;
    return kKeys[gen_.rng().OneIn(6) ? gen_.rng().Below(std::size(kKeys))
                                     : own_keys_ + gen_.rng().Below(2)];
  }

  std::string_view Integer() {
    return gen_.rng().OneIn(4) ? gen_.EdgeNumberText() : gen_.rng().Pick(kIntegers);
  }

  void Argument(std::string_view type) {
    Rng& rng = gen_.rng();
    if (rng.OneIn(100)) return Add(gen_.ShortText());
    if (type == "key" || type == "newkey" || type == "destination" || type == "source") {
      Add(Key());
    } else if (type == "numkeys") {
      numkeys_ = count_;
      keys_ = 0;
      Add("1");
    } else if (type == "member" || type == "element" || type == "field") {
      if (next_ != 0) return Add(Decimal(next_++));
      if (rng.OneIn(kLongOneIn)) return Add(LongText());
      Add(rng.OneIn(8) ? gen_.ShortText() : rng.Pick(kMembers));
    } else if (type == "value" || type == "message") {
      if (next_ == 0 && rng.OneIn(kLongOneIn)) return Add(LongText());
      Add(rng.OneIn(2) ? gen_.ShortText() : Integer());
    } else if (type == "payload") {
      Add(rng.OneIn(8) ? gen_.ShortText() : std::string_view(rng.Pick(Payloads())));
    } else if (type == "key-pattern") {
      Add(rng.Pick(kKeyPatterns));
    } else if (type == "timeout") {
      Add(rng.OneIn(8) ? gen_.EdgeNumberText() : rng.Pick(kTimeouts));
    } else if (type == "client-id") {
      Add(Decimal(rng.Between(1, 5)));
    } else if (type == "bit-type") {
      Add(rng.Pick(kBitTypes));
    } else if (type == "bit-offset") {
      Add(rng.OneIn(6) ? gen_.EdgeNumberText() : rng.Pick(kBitOffsets));
    } else if (type == "pattern") {
      Add(rng.Pick(kPatterns));
    } else if (type == "setting") {
      Add(Name(rng.Pick(kSettings)));
    } else if (type == "cursor") {
      Add(rng.OneIn(3) ? Integer() : rng.Pick(kCursors));
    } else if (type == "channel") {
      Add(rng.Pick(kChannels));
    } else if (type == "score" || type == "double" || type == "weight") {
      Add(rng.OneIn(6) ? gen_.EdgeNumberText() : rng.Pick(kScores));
    } else if (type == "min" || type == "max") {
      Add(rng.OneIn(8) ? gen_.EdgeNumberText() : rng.Pick(kScoreBounds));
    } else if (type == "lex-min" || type == "lex-max") {
      Add(rng.Pick(kLexBounds));
    } else if (type == "db") {
      Add(rng.OneIn(8) ? Integer() : rng.Pick(std::to_array<std::string_view>({"0", "1", "2"})));
    } else if (type == "bit") {
      Add(rng.OneIn(2) ? "0" : "1");
    } else if (type == "seconds") {
      Add(rng.OneIn(6) ? gen_.EdgeNumberText() : Decimal(rng.Between(0, 3)));
    } else if (type == "milliseconds") {
      Add(rng.OneIn(6) ? gen_.EdgeNumberText() : Decimal(rng.Between(1, 2000)));
    } else if (type == "unix-time-seconds") {
      Add(rng.OneIn(6) ? Integer() : Decimal(1'700'000'000 + rng.Between(-2, 5)));
    } else if (type == "unix-time-milliseconds") {
      Add(rng.OneIn(6) ? Integer() : Decimal(1'700'000'000'000 + rng.Between(-2000, 5000)));
    } else if (type == "string") {
      Add(rng.OneIn(4) ? rng.Pick(kTypes) : rng.OneIn(2) ? rng.Pick(kKeys) : "get");
    } else {
      Add(Integer());  // integer, increment, count, offset, start, stop, index, cursor, …
    }
  }

  // Malforms one request in sixteen.
  void Spoil() {
    Rng& rng = gen_.rng();
    if (!rng.OneIn(16)) return;
    switch (rng.Below(4)) {
      case 0:
        if (count_ > 1) --count_;
        break;
      case 1:
        Add(gen_.ShortText());
        break;
      case 2:
        words_[rng.Below(count_)] = rng.OneIn(4) ? "a\r\nb" : gen_.ShortText();
        break;
      default: {
        const size_t a = rng.Below(count_);
        std::swap(words_[a], words_[rng.Below(count_)]);
      }
    }
  }

  Gen& gen_;
  const Command& command_;
  size_t own_keys_ = 0;
  std::array<std::string_view, kMost> few_;
  std::span<std::string_view> words_ = few_;
  size_t count_ = 0;
  bool many_ = false;   // its first repeated part is repeated many times
  int64_t next_ = 0;    // among many elements, the next one; 0: not among many
  size_t numkeys_ = 0;  // its index; 0: none
  int64_t keys_ = 0;    // keys since numkeys
};

std::span<const std::string_view> Words(Gen& gen, std::initializer_list<std::string_view> list) {
  std::span<std::string_view> words = gen.arena().Words(list.size());
  std::copy(list.begin(), list.end(), words.begin());
  return words;
}

// What changes watched keys, and what does not: over two keys in two databases.
std::span<const std::string_view> WatchCommand(Gen& gen) {
  Rng& rng = gen.rng();
  const std::string_view key = kKeys[rng.Below(2)];
  switch (rng.Below(24)) {
    case 0:
    case 1:
    case 2:
      return Words(gen, {"SET", key, rng.Pick(kMembers)});
    case 3:
      // So soon that no cycle deletes it before EXEC.
      return Words(gen, {"SET", key, "1", "PX", "1"});
    case 4:
      return Words(gen, {"DEL", key});
    case 5:
      return Words(gen, {"PEXPIRE", key, "1"});
    case 6:
      return Words(gen, {"GET", key});
    case 7:
      return Words(gen, {rng.OneIn(2) ? "FLUSHALL" : "FLUSHDB"});
    case 8:
      return Words(gen, {"SWAPDB", "0", "1"});
    case 9:
    case 10:
      return Words(gen, {"SELECT", rng.OneIn(2) ? "0" : "1"});
    case 11:
      return Words(gen, {"UNWATCH"});
    case 12:
      return Words(gen, {rng.OneIn(2) ? "COPY" : "RENAME", kKeys[0], kKeys[1]});
    case 13:
      return Words(gen, {"MOVE", key, "1"});
    case 14:
    case 15:
    case 16:
    case 17:
      return Words(gen, {"MULTI"});
    case 18:
    case 19:
    case 20:
      return Words(gen, {"EXEC"});
    default:
      return Words(gen, {"WATCH", key});
  }
}

}  // namespace

std::vector<CommandWeight> CommandWeights(const Gen& gen) {
  std::vector<CommandWeight> weights;
  const uint64_t bits = gen.SwarmBits(kFocusSwarm);
  for (size_t i = 0; i < Callables().size(); ++i) {
    const Command* const command = Callables()[i].command;
    const auto group = static_cast<uint64_t>(command->spec->group);
    const uint64_t groups = GroupsOfCallables().size();
    const bool in_focus = (bits >> 8) % groups == group || (bits >> 16) % groups == group;
    weights.push_back({command, !IsFocused(gen) ? WeightOf(gen, i)
                                : in_focus      ? uint64_t{gen.Swarm(0x20000 + i)}
                                                : 0});
  }
  return weights;
}

std::span<const std::string_view> GenerateCommand(Gen& gen) {
  Rng& rng = gen.rng();
  // One seed in twelve is about WATCH.
  if (swarm_enabled && gen.SwarmBits(kWatchSwarm) % 12 == 0 && !rng.OneIn(6)) {
    return WatchCommand(gen);
  }
  // Commands that open, end and guard a transaction need a higher frequency than one among so many
  // commands: otherwise no queue is ever filled and executed.
  if (rng.OneIn(10) && gen.Swarm(kTransactionsSwarm) != 0) {
    const auto key = [&] { return kKeys[AnyPair(gen) + rng.Below(2)]; };
    switch (rng.Below(9)) {
      case 0:
      case 1:
        return Words(gen, {"MULTI"});
      case 2:
      case 3:
      case 4:
        return Words(gen, {"EXEC"});
      case 5:
        return Words(gen, {"WATCH", key()});
      case 8:
        // So that watched keys expire before EXEC, and have expired before WATCH.
        return Words(gen, {"PEXPIRE", key(), rng.OneIn(2) ? "1" : "50"});
      case 6:
        return Words(gen, {"HELLO", rng.OneIn(3) ? "2" : "3"});
      default:
        return Words(gen, {"DISCARD"});
    }
  }
  const Callable& callable =
      IsFocused(gen) ? PickFocused(gen)
                     : PickCommand(gen, [&] { return gen.rng().Below(Callables().size()); });
  constexpr uint64_t kCreateOneIn = 5;
  if (rng.OneIn(kCreateOneIn) && gen.Swarm(kCreateSwarm) != 0) {
    const Callable& creator = Creator(gen, callable.command->spec->group);
    return Expander(gen, *creator.command).Run(creator.syntax);
  }
  return Expander(gen, *callable.command).Run(callable.syntax);
}

CommandChoice::CommandChoice(const std::function<bool(const Command&)>& wanted) {
  for (size_t i = 0; i < Callables().size(); ++i) {
    if (wanted(*Callables()[i].command)) indices_.push_back(static_cast<uint16_t>(i));
  }
}

std::span<const std::string_view> CommandChoice::Generate(Gen& gen) const {
  const Callable& callable = PickCommand(gen, [&] { return gen.rng().Pick(indices_); });
  return Expander(gen, *callable.command).Run(callable.syntax);
}

}  // namespace resprobe
