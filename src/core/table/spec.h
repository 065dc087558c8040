#ifndef RESPROBE_CORE_TABLE_SPEC_H_
#define RESPROBE_CORE_TABLE_SPEC_H_

#include <cstddef>
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

// Commands that change what the requests and replies after them mean: for the server, and for
// whoever follows a connection from outside.
enum class CommandRole : uint8_t {
  kPlain,
  kHello,
  kAuth,
  kReset,
  kQuit,
  kMulti,
  kExec,
  kDiscard,
  kWatch,
  kUnwatch,
  kSubscribe,
  kPsubscribe,
  kSsubscribe,
  kUnsubscribe,
  kPunsubscribe,
  kSunsubscribe,
  kPublish,  // and SPUBLISH
  kEcho,
  kConfigGet,
  kConfigSet,
  kReplyMode,  // CLIENT REPLY
  kTracking,   // CLIENT TRACKING
  kKillClient,
  kPauseClients,
  kUnblockClient,
};

// What a server may choose freely in a successful reply. Everything else must be equal: types,
// kinds of null, numbers as they are written, errors with their texts.
enum class ReplyFreedom : uint8_t {
  kNone,
  kOrder,   // elements (of a map: pairs) in any order
  kPairs,   // pairs in any order, in one array in RESP2 (HGETALL)
  kTime,    // a remaining time, or one that was given as a relative time: within a tolerance
  kMasked,  // specific to the server: ids, its clock, help, its whole command table
  kHello,   // HELLO: id, version, modules; CLIENT TRACKINGINFO: the id of redirection
  kPick,    // SRANDMEMBER and similar: any of the elements
  kPop,     // SPOP: any of the elements, which it removes
  kSort,    // SORT BY without a sort key, or elements that ALPHA finds equal: elements in any order
  kScan,    // any cursor; elements that exist, and all of them from 0 to 0
  kDump,    // DUMP: the elements of a table in any order
  kObject,  // DEBUG OBJECT: all but the references, the encoding and the length in a file
};
inline constexpr size_t kReplyFreedoms = 12;

// Where a request contains a time.
struct TimeArgument {
  enum class Kind : uint8_t {
    kNone,
    kFromNow,  // args[at], in units of `unit_ms` milliseconds
    kPoint,    // the same, since 1970
    kTimeout,  // args[at] (from the end if negative: -1 is the last argument)
    kOptions,  // the options EX, PX, EXAT and PXAT, from args[at] on
  };
  Kind kind = Kind::kNone;
  int8_t at = 0;
  int16_t unit_ms = 0;
};

// Other properties of a command, by which code treats it specially.
enum CommandTrait : uint32_t {
  kRunsInMulti = 1u << 0,     // runs at once inside MULTI instead of being queued
  kRunsSubscribed = 1u << 1,  // a RESP2 client with subscriptions may call it
  kMarksUse = 1u << 2,        // counts as a use of the key even after CLIENT NO-TOUCH
  kMayWait = 1u << 3,         // its reply may be delayed (so may that of each kBlocking command)
  kKeepsCaching = 1u << 4,    // it and its subcommands do not use up CLIENT CACHING
  kOtherDatabase = 1u << 5,   // may access another database than the selected one, or select one
  kShowsKeys = 1u << 6,       // its reply names a key that is not an argument
  kDeletesExpired = 1u << 7,  // deletes expired keys, which ones depends on the layout of tables
  kSorts = 1u << 8,
  kElementPairs = 1u << 9,       // the elements that it lists have two parts: field and value
  kMilliseconds = 1u << 10,      // its reply is a time in milliseconds; in seconds otherwise
  kNamesCommands = 1u << 11,     // its arguments name commands
  kFindsKeys = 1u << 12,         // its arguments are a whole request
  kSignalsPop = 1u << 13,        // redis 7.0: after waiting, its pop is signalled as a change
  kMovesElement = 1u << 14,      // pops from args[1] and pushes to args[2]
  kCountsReferences = 1u << 15,  // its reply counts the references to a value
  kReadsWithGet = 1u << 16,      // SET: with the word GET it reads the old value (kVaries)
  // Generators make it rarely: it disrupts a run (ends, holds back or silences connections, empties
  // databases), or has a very long reply.
  kRare = 1u << 17,
  // It is about this process, or about other servers (INFO, REPLICAOF): generators do not call it,
  // and it is not compared with that of a live server.
  kNotCompared = 1u << 18,
  // PING: refused, like writes, while the server cannot write its files.
  kReportsRefusal = 1u << 19,
};

struct CommandTraits {
  CommandRole role = CommandRole::kPlain;
  ReplyFreedom freedom = ReplyFreedom::kNone;
  TimeArgument time = {};
  uint32_t bits = 0;               // of CommandTrait
  std::string_view id_after = {};  // the word (upper case) before an argument that is a client's id
  // Of kPick and kScan: a request whose reply has all elements, "key" being args[1]. Empty: the
  // request itself, from the cursor 0 to the end.
  std::string_view universe = {};
};

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
  CommandTraits traits = {};
  // True if redis 7.0 does not have the command; profiles that have it name it (profile.h,
  // CommandChanges).
  bool later = false;
  // For a container (CLIENT, OBJECT …). Arity and keys of a subcommand count both names.
  std::span<const CommandSpec> subcommands = {};
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_TABLE_SPEC_H_
