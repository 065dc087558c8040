#ifndef RESPROBE_CORE_COMMANDS_PROFILE_H_
#define RESPROBE_CORE_COMMANDS_PROFILE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/commands/spec.h"

namespace resprobe {

// The server whose behaviour the core follows.
enum class Profile : uint8_t { kRedis70, kValkey80 };
inline constexpr size_t kProfileCount = 2;

// Whatever depends on the profile is declared here, and nowhere else: a command asks for the
// trait, not for the profile. What differs in the command table is in CommandChanges().
struct ProfileTraits {
  std::string_view name;     // "redis-7.0"
  std::string_view server;   // as HELLO reports it: "redis"
  std::string_view version;  // "7.0.15"

  // Doubles in the fewest digits ("3.1"), not in 17 ("3.1000000000000001").
  bool short_doubles;
  // BITCOUNT and BITPOS look at their arguments before the key; BITCOUNT takes a start alone.
  bool bit_ranges_first;
  // HELLO does nothing if one of its options is wrong; else SETNAME before it has had its effect.
  bool hello_all_or_nothing;
  // A failed AUTH, or HELLO with it, is not answered while an earlier reply waits to be sent:
  // inside EXEC, and in a pipeline (docs/findings/valkey-auth-without-reply.md).
  bool auth_error_needs_silence;
  // Names of clients are checked up to a NUL.
  bool names_end_at_nul;
  // After a line of blanks the next request is read as inline (docs/findings/valkey-blank-line.md).
  bool blanks_keep_inline;
  // ZADD looks at all that it is given, before it knows what of it is added, to choose the
  // encoding.
  bool zadd_makes_room_first;
  // LIMIT with a negative offset -k, of a sorted set in its large encoding, begins at the k-th
  // member from the other end of the range; else it leaves out everything
  // (docs/findings/valkey-negative-offset.md).
  bool negative_offset_turns_round;
  // LSET takes the low 32 bits of its index.
  bool lset_index_is_int;
  // SET with an expiry in the past deletes the key; else it stores one that has expired.
  bool set_past_deletes;
  // Cursors are numbers, without a sign or empty; a space before them is ignored. Else as strtoul
  // reads, but no space.
  bool strict_cursors;
  // SCAN refuses a TYPE that there is not.
  bool scan_knows_types;
  // LREM and LPOS refuse the lowest integer, whose negative is none.
  bool symmetric_counts;
  // A timeout that is too large is refused as such; else it turns negative, or never comes.
  bool timeout_range;
  // Only who has subscribed may unsubscribe.
  bool unsubscribe_needs_subscription;
  // Messages of a client to itself come after the reply of the command at hand, EXEC included; else
  // before it.
  bool own_messages_last;
  // OBJECT ENCODING: small lists and sets are listpacks.
  bool packs_lists_and_sets;
  // A command that waits is run again, with all its keys, when one of them is ready; else it is
  // served from that key.
  bool waits_run_again;
  // WAIT that is satisfied after all is answered before the client goes on, and so may be skipped
  // (CLIENT REPLY SKIP); else behind that, and is not (docs/findings/redis-wait-skip.md).
  bool wait_answers_first;
};

inline constexpr ProfileTraits kProfileTraits[kProfileCount] = {
    {.name = "redis-7.0",
     .server = "redis",
     .version = "7.0.15",
     .short_doubles = false,
     .bit_ranges_first = false,
     .hello_all_or_nothing = false,
     .auth_error_needs_silence = false,
     .names_end_at_nul = false,
     .blanks_keep_inline = false,
     .zadd_makes_room_first = false,
     .negative_offset_turns_round = false,
     .lset_index_is_int = false,
     .set_past_deletes = false,
     .strict_cursors = false,
     .scan_knows_types = false,
     .symmetric_counts = false,
     .timeout_range = false,
     .unsubscribe_needs_subscription = false,
     .own_messages_last = false,
     .packs_lists_and_sets = false,
     .waits_run_again = false,
     .wait_answers_first = false},
    {.name = "valkey-8.0",
     .server = "valkey",
     .version = "8.0.1",
     .short_doubles = true,
     .bit_ranges_first = true,
     .hello_all_or_nothing = true,
     .auth_error_needs_silence = true,
     .names_end_at_nul = true,
     .blanks_keep_inline = true,
     .zadd_makes_room_first = true,
     .negative_offset_turns_round = true,
     .lset_index_is_int = true,
     .set_past_deletes = true,
     .strict_cursors = true,
     .scan_knows_types = true,
     .symmetric_counts = true,
     .timeout_range = true,
     .unsubscribe_needs_subscription = true,
     .own_messages_last = true,
     .packs_lists_and_sets = true,
     .waits_run_again = true,
     .wait_answers_first = true},
};
constexpr const ProfileTraits& TraitsOf(Profile profile) {
  return kProfileTraits[static_cast<size_t>(profile)];
}

// "redis-7.0"; "" for a number that is no profile.
std::string_view ProfileName(Profile profile);

// What a profile's server declares otherwise than the command table, which is that of redis 7.0,
// and the subcommands that came later.
struct CommandChange {
  std::string_view name;  // "get", "client|id"
  int8_t arity = 0;       // 0: as in the table
  uint32_t add_flags = 0;
  uint32_t remove_flags = 0;
  std::string_view syntax = {};  // empty: as in the table
  std::string_view reply = {};   // likewise
  KeyUse first_use = kNoUse;     // likewise
  std::string_view since = {};   // likewise
};
std::span<const CommandChange> CommandChanges(Profile profile);

// A double as a reply carries it (a bulk string in RESP2, "," in RESP3): redis-7.0 prints "%.17g",
// "inf", "-inf"; valkey-8.0 whole numbers in full up to 2^62, and else as few digits as name the
// number. `buffer` holds at least kNumberBufferSize bytes; the result points into it or is static.
std::string_view FormatDouble(Profile profile, double value, std::span<char> buffer);

}  // namespace resprobe

#endif  // RESPROBE_CORE_COMMANDS_PROFILE_H_
