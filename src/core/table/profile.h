#ifndef RESPROBE_CORE_TABLE_PROFILE_H_
#define RESPROBE_CORE_TABLE_PROFILE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/table/spec.h"

namespace resprobe {

// The server whose behaviour the core follows.
enum class Profile : uint8_t { kRedis70, kValkey80 };
inline constexpr size_t kProfileCount = 2;

// All behaviour that depends on the profile is declared here: a command checks the trait, not the
// profile. Differences in the command table are in CommandChanges().
struct ProfileTraits {
  std::string_view name;     // "redis-7.0"
  std::string_view server;   // as HELLO reports it: "redis"
  std::string_view version;  // "7.0.15"

  // Doubles have the fewest digits ("3.1"), not 17 ("3.1000000000000001").
  bool short_doubles;
  // BITCOUNT and BITPOS check their arguments before the key; BITCOUNT accepts a start without an
  // end.
  bool bit_ranges_first;
  // HELLO has no effect if one of its options is wrong; otherwise a SETNAME before the wrong option
  // takes effect.
  bool hello_all_or_nothing;
  // A failed AUTH, or HELLO with AUTH, gets no reply while an earlier reply is unsent: inside EXEC,
  // and in a pipeline (docs/findings/valkey-auth-without-reply.md).
  bool auth_error_needs_silence;
  // Client names are checked only up to a NUL.
  bool names_end_at_nul;
  // After a line of blanks the next request is parsed as inline
  // (docs/findings/valkey-blank-line.md).
  bool blanks_keep_inline;
  // ZADD chooses the encoding from all its arguments, before it knows which of them it adds.
  bool zadd_makes_room_first;
  // LIMIT with a negative offset -k, on a sorted set in its large encoding, begins at the k-th
  // member from the other end of the range; otherwise it selects nothing
  // (docs/findings/valkey-negative-offset.md).
  bool negative_offset_turns_round;
  // LSET uses the low 32 bits of its index.
  bool lset_index_is_int;
  // SET with an expiry in the past deletes the key; otherwise it stores an expired one.
  bool set_past_deletes;
  // A cursor is a number, without a sign and not empty; leading space is ignored. Otherwise it is
  // parsed like strtoul, but without space.
  bool strict_cursors;
  // SCAN rejects an unknown TYPE.
  bool scan_knows_types;
  // LREM and LPOS reject INT64_MIN, whose negation overflows.
  bool symmetric_counts;
  // A timeout that is too large is rejected as out of range; otherwise it turns negative, or never
  // comes.
  bool timeout_range;
  // UNSUBSCRIBE needs a subscription.
  bool unsubscribe_needs_subscription;
  // A client's messages to itself come after the reply of the current command, including EXEC;
  // otherwise before it.
  bool own_messages_last;
  // OBJECT ENCODING: small lists and sets are "listpack".
  bool packs_lists_and_sets;
  // A blocked command is run again, with all its keys, when one of them is ready; otherwise it is
  // served from that key.
  bool waits_run_again;
  // A WAIT that needs no replica after all is answered before the client's request ends, so CLIENT
  // REPLY SKIP can suppress the reply; otherwise after it, and it is not suppressed
  // (docs/findings/redis-wait-skip.md).
  bool wait_answers_first;
  // Replication: a key that has expired, or that a time in the past deletes, is deleted by UNLINK;
  // otherwise by DEL.
  bool deletes_by_unlink;
  // SPOP of several members is one SREM of all; otherwise one SREM of each.
  bool pops_in_one_command;
  // Propagation: SELECT comes after MULTI; otherwise before it.
  bool multi_in_any_database;
  // Propagation: SET with PXAT as it was given, GET included; otherwise as SET key value PXAT time.
  bool passes_pxat_on;
  // The version of the RDB format.
  int rdb_version;
  // As the server's log lines call it.
  std::string_view product;
  // appendfsync everysec counts seconds of the clock; otherwise milliseconds since the last fsync.
  bool fsyncs_by_whole_second;
  // A log file that a rewrite has replaced is synced by the thread that syncs the current one, in
  // order, and a failure counts; otherwise by a thread of its own, and a failure is ignored.
  bool one_thread_syncs_log;
  // A base whose RDB version is refused is reported as unreadable, too.
  bool refused_base_is_read_error;
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
     .wait_answers_first = false,
     .deletes_by_unlink = false,
     .pops_in_one_command = false,
     .multi_in_any_database = false,
     .passes_pxat_on = false,
     .rdb_version = 10,
     .product = "Redis",
     .fsyncs_by_whole_second = true,
     .one_thread_syncs_log = false,
     .refused_base_is_read_error = true},
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
     .wait_answers_first = true,
     .deletes_by_unlink = true,
     .pops_in_one_command = true,
     .multi_in_any_database = true,
     .passes_pxat_on = true,
     .rdb_version = 11,
     .product = "Valkey",
     .fsyncs_by_whole_second = false,
     .one_thread_syncs_log = true,
     .refused_base_is_read_error = false},
};
constexpr const ProfileTraits& TraitsOf(Profile profile) {
  return kProfileTraits[static_cast<size_t>(profile)];
}

// "redis-7.0"; "" for a value that is no profile.
std::string_view ProfileName(Profile profile);

// A difference between the profile's server and the command table, which is that of redis 7.0; also
// used for subcommands added later.
struct CommandChange {
  std::string_view name;  // "get", "client|id"
  int8_t arity = 0;       // 0: as in the table
  uint32_t add_flags = 0;
  uint32_t remove_flags = 0;
  std::string_view syntax = {};  // empty: as in the table
  std::string_view reply = {};   // the same
  KeyUse first_use = kNoUse;     // the same
  std::string_view since = {};   // the same
};
std::span<const CommandChange> CommandChanges(Profile profile);

// Formats a double for a reply (a bulk string in RESP2, "," in RESP3): redis-7.0 prints "%.17g",
// "inf", "-inf"; valkey-8.0 prints whole numbers in full up to 2^62, and others with the fewest
// digits that identify the number. `buffer` holds at least kNumberBufferSize bytes; the result
// points into it or is static.
std::string_view FormatDouble(Profile profile, double value, std::span<char> buffer);

// The same for the score of a ZADD that a rewrite of the append-only file writes: valkey-8.0 prints
// whole numbers with the fewest digits, too ("1e+9").
std::string_view FormatRewrittenScore(Profile profile, double value, std::span<char> buffer);

}  // namespace resprobe

#endif  // RESPROBE_CORE_TABLE_PROFILE_H_
