#ifndef RESPROBE_CORE_TABLE_SPEC_H_
#define RESPROBE_CORE_TABLE_SPEC_H_

#include <cstdint>
#include <span>
#include <string_view>

namespace resprobe {

class CommandContext;

// Flags of a command, named as in COMMAND INFO.
enum CommandFlag : uint32_t {
  kWrite = 1u << 0,
  kReadonly = 1u << 1,
  kDenyOom = 1u << 2,
  kAdmin = 1u << 3,
  kPubSub = 1u << 4,
  kNoScript = 1u << 5,
  kBlocking = 1u << 6,
  kLoading = 1u << 7,
  kStale = 1u << 8,
  kSkipMonitor = 1u << 9,
  kSkipSlowlog = 1u << 10,
  kAsking = 1u << 11,
  kFast = 1u << 12,
  kNoAuth = 1u << 13,
  kMovableKeys = 1u << 14,
  kAllowBusy = 1u << 15,
  kNoMulti = 1u << 16,
  kMayReplicate = 1u << 17,
  kNoAsyncLoading = 1u << 18,
  kNoMandatoryKeys = 1u << 19,
  // Tips, which COMMAND INFO lists separately. For a cluster: where to send a request, and how to
  // combine the replies.
  kRandomOutput = 1u << 20,  // nondeterministic_output
  kRandomOrder = 1u << 21,   // nondeterministic_output_order
  kToAllShards = 1u << 22,
  kToAllNodes = 1u << 23,
  kToMultiShard = 1u << 24,
  kToSpecial = 1u << 25,
  kFromSpecial = 1u << 26,
  kFromAllSucceeded = 1u << 27,
  kFromSum = 1u << 28,
  kFromMin = 1u << 29,
};

enum class CommandGroup : uint8_t {
  kGeneric,
  kString,
  kList,
  kHash,
  kSet,
  kSortedSet,
  kBitmap,
  kPubSub,
  kTransactions,
  kConnection,
  kServer,
};
// "generic", "string", … "sorted-set", as in COMMAND DOCS.
std::string_view CommandGroupName(CommandGroup group);

// How a command uses a key, with the flags of COMMAND INFO and COMMAND GETKEYSANDFLAGS: the access
// (RO, RW, OW overwrite, RM remove), then which part of the value is used or changed.
enum KeyUse : uint8_t {
  kNoUse,
  kReads,            // RO access
  kLooksAt,          // RO: type, length, existence
  kReadsAndUpdates,  // RW access update
  kUpdates,          // RW update
  kAddsTo,           // RW insert
  kTakesFrom,        // RW access delete
  kDeletesFrom,      // RW delete
  kOverwrites,       // OW update
  kCreates,          // OW insert
  kRemoves,          // RM delete
  kVaries,           // RW access update variable_flags: it depends on the arguments
  kIsNoKey,          // not_key: it only shards like one
};

// The positions of the keys among the arguments; argument 0 is the command's name.
struct KeySpec {
  enum class Kind : uint8_t {
    kNone,
    kRange,    // first, last (from the end if negative: -1 is the last argument), step
    kNumKeys,  // args[first] holds the number of keys, which follow it; and, if last != 0, also the
               // one key at args[last] (the destination of ZUNIONSTORE)
    kKeyAndPatterns,  // args[1], and keys formed from its elements by patterns (SORT_RO)
    kKeyAndStore,     // the same, and the argument after STORE (SORT)
    kChannels,        // a range of shard channels, which are not keys but which COMMAND INFO shows
                      // as such
  };
  Kind kind = Kind::kNone;
  int8_t first = 0;
  int8_t last = 0;
  int8_t step = 0;
  KeyUse first_use = kNoUse;  // of the first key in the result of KeyPositions()
  KeyUse rest_use = kNoUse;   // of the others

  constexpr KeySpec Uses(KeyUse use) const { return Uses(use, use); }
  constexpr KeySpec Uses(KeyUse first_key, KeyUse rest) const {
    KeySpec keys = *this;
    keys.first_use = first_key;
    keys.rest_use = rest;
    return keys;
  }
};
constexpr KeySpec NoKeys() { return {}; }
constexpr KeySpec Keys(int8_t first, int8_t last, int8_t step = 1) {
  return {KeySpec::Kind::kRange, first, last, step};
}
constexpr KeySpec Channels(int8_t first, int8_t last) {
  return {KeySpec::Kind::kChannels, first, last, 1};
}
constexpr KeySpec OneKey() { return Keys(1, 1); }
constexpr KeySpec NumKeys(int8_t count_at, int8_t destination = 0) {
  return {KeySpec::Kind::kNumKeys, count_at, destination, 1};
}

constexpr KeySpec KeyAndPatterns() { return {KeySpec::Kind::kKeyAndPatterns, 1, 1, 1}; }
constexpr KeySpec KeyAndStore() { return {KeySpec::Kind::kKeyAndStore, 1, 1, 1}; }

using CommandHandler = void (*)(CommandContext&);

// One command of the table: all that the project knows about a command. Used by the server (arity,
// flags, keys, handler), COMMAND (all of it), the generators (syntax), and the checks of replies
// (reply).
struct CommandSpec {
  std::string_view name = {};  // lower case
  // The number of arguments including the name; if negative, at least -arity.
  int8_t arity = 0;
  uint32_t flags = 0;
  KeySpec keys = {};
  CommandGroup group = CommandGroup::kGeneric;
  std::string_view since = {};
  std::string_view summary = {};
  // The arguments after the name (after both names for a subcommand), in the notation of the
  // documentation:
  //   lower-case    an argument: its type is in its name, one of the list below
  //   UPPER-CASE    a literal token
  //   [a b]         optional; adjacent options may come in any order
  //   [a | b]       at most one of them;   <a | b>  exactly one
  //   [a b ...]     zero or more times;    <a b ...> or  a [a ...]  once or more
  // Argument names: key, newkey, destination, source; value, member, element, field, message,
  // string; pattern, key-pattern, channel, setting; bit-type, bit-offset; integer, increment,
  // decrement, count, offset, start, stop, index, db, cursor, seconds, milliseconds,
  // unix-time-seconds, unix-time-milliseconds, bit, numkeys, client-id; timeout; double, score,
  // min, max, lex-min, lex-max, weight; anything else is a free string.
  std::string_view syntax = {};
  // The shape of a successful reply, in the language of shape.h. "" for a command that has only
  // subcommands.
  std::string_view reply = {};
  CommandHandler handler = nullptr;
  // True if redis 7.0 does not have the command; profiles that have it name it (profile.h,
  // CommandChanges).
  bool later = false;
  // For a container (CLIENT, OBJECT …). Arity and keys of a subcommand count both names.
  std::span<const CommandSpec> subcommands = {};
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_TABLE_SPEC_H_
