#ifndef RESPROBE_WORLDS_PROPERTIES_PROPERTY_H_
#define RESPROBE_WORLDS_PROPERTIES_PROPERTY_H_

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/rng.h"
#include "engine/run_context.h"
#include "worlds/properties/property_server.h"

namespace resprobe {

// What holds, whatever else the server does.
inline constexpr InvariantInfo kPropertyInfos[] = {
    {"set_get_roundtrip", "GET gives what SET has set"},
    {"incr_monotonic", "INCR always increases"},
    {"incr_decr_inverse", "DECRBY undoes INCRBY, DECR undoes INCR"},
    {"append_concatenates", "the parts that were appended are the value, one behind the other"},
    {"strlen_counts_bytes", "STRLEN is the number of bytes"},
    {"getrange_is_part", "GETRANGE gives the bytes from start to end, from either end"},
    {"setrange_overwrites", "SETRANGE overwrites at its place, and fills up with zero bytes"},
    {"bitcount_counts_bits", "BITCOUNT and GETBIT know the bits that SETBIT has set"},
    {"mset_sets_all", "MGET gives what MSET has set"},
    {"getdel_removes", "GETDEL gives the value and removes the key"},
    {"list_order_preserved", "a list has the order of its pushes"},
    {"pops_undo_pushes", "RPOP gives the elements of RPUSH from the last to the first"},
    {"lindex_agrees_with_lrange", "LINDEX and LRANGE see the same, from either end"},
    {"llen_counts_elements", "LLEN is the number of elements"},
    {"hash_fields_unique", "a field is there once, with its last value"},
    {"many_fields_at_once", "HMGET gives the values of one HSET"},
    {"hincrby_adds", "HINCRBY adds"},
    {"set_members_unique", "a member is there once"},
    {"srem_removes", "SREM removes one member"},
    {"set_algebra", "SINTER, SUNION and SDIFF are those of sets"},
    {"sorted_set_ordering", "a sorted set is sorted by score, then by bytes"},
    {"rank_and_score_agree", "ZRANK, ZREVRANK and ZSCORE follow the order"},
    {"zcount_counts_scores", "ZCOUNT and ZRANGEBYSCORE see the same scores"},
    {"expire_removes_key", "a key is gone when its time is over"},
    {"ttl_monotonic_decrease", "a time to live decreases as time passes"},
    {"persist_removes_ttl", "a key stays after PERSIST"},
    {"set_removes_ttl", "SET removes the time to live"},
    {"type_follows_value", "TYPE is that of the commands that wrote the key"},
    {"rename_keeps_value", "RENAME moves the value as it is"},
    {"copy_is_independent", "a copy has the same value, and stays without its original"},
    {"dump_restore_roundtrip", "RESTORE makes the value that DUMP has written"},
    {"scan_returns_all", "a scan returns all that is there from its start to its end"},
    {"wrong_type_changes_nothing", "a write for another type is refused, and changes nothing"},
    {"sort_orders", "SORT sorts by number"},
    {"transaction_runs_in_order", "EXEC runs what was queued, in order"},
    {"discard_changes_nothing", "DISCARD forgets what was queued"},
    {"watch_aborts", "EXEC does nothing if a watched key was changed"},
    {"crash_recovery_consistent", "what was acknowledged is there after a crash"},
    {"answers", "every request gets a reply"},
};
// The last one is of the whole run, and no property of its own.
inline constexpr size_t kPropertyCount = std::size(kPropertyInfos) - 1;

// A reply, copied.
struct Answer {
  bool error = false;
  bool null = false;
  std::string text = {};  // of a string, an error, a number
  std::vector<std::string> list =
      {};  // of an aggregate: all texts in it, in order; a null is "(nil)"

  bool operator==(const Answer&) const = default;
};

// One test of a property: it asks the server, and says what must hold. After a violation, and once
// the server has said that it lacks a command, nothing more is asked or judged.
class PropertyTrial {
 public:
  // What is chosen for a trial. The same choices give the same requests.
  struct Choices {
    uint64_t seed = 0;
    size_t size = 0;     // of lists and the like
    int64_t number = 0;  // for arithmetic
  };

  // All must outlive the trial. `rewrite`: a planted fault, or nullptr.
  using Rewrite = void (*)(std::vector<std::string>* words);
  PropertyTrial(std::string_view property, const Choices& choices, Rewrite rewrite,
                PropertyServer* server, RunContext* run)
      : property_(property),
        choices_(choices),
        rng_(choices.seed),
        rewrite_(rewrite),
        server_(*server),
        run_(*run) {}

  // --- Choices.

  // The keys of all properties. What was there before a trial is still there.
  static constexpr std::string_view kA = "pa";
  static constexpr std::string_view kB = "pb";
  static constexpr std::string_view kC = "pc";
  Rng& rng() { return rng_; }
  size_t size() const { return choices_.size; }
  int64_t number() const { return choices_.number; }
  // A string: empty, a number, short, long, any bytes.
  std::string Value();
  // `count` of them, with repetitions; and without.
  std::vector<std::string> Values(size_t count);
  std::vector<std::string> Distinct(size_t count);

  // --- The server.

  // The reply, which may be an error.
  Answer AskAny(std::vector<std::string> words);
  // The reply; an error is a violation.
  Answer Ask(std::vector<std::string> words);
  // Ask() with more words behind.
  Answer Ask(std::vector<std::string> words, const std::vector<std::string>& more);
  // Deletes the three keys.
  void Clear();
  void Pass(int64_t ms);
  // False if the server cannot be crashed: the trial is left out.
  bool Crash();

  // --- The verdict.

  // False, and a violation, unless `holds`.
  bool Expect(bool holds, const std::string& expected, const std::string& seen);
  // The text of a reply; the list.
  bool ExpectText(const Answer& answer, const std::string& text, const std::string& what);
  bool ExpectList(const Answer& answer, const std::vector<std::string>& list,
                  const std::string& what);
  bool over() const { return !absent_.empty() || run_.violated(); }
  // Why the trial was left out: a command that the server lacks; "" if it was not.
  const std::string& absent() const { return absent_; }

 private:
  const std::string_view property_;
  const Choices choices_;
  Rng rng_;
  const Rewrite rewrite_;
  PropertyServer& server_;
  RunContext& run_;
  std::string absent_;
};

// A law about the replies of one server, for which no other server and no model is needed.
struct Property {
  std::string_view name;  // of kPropertyInfos
  void (*check)(PropertyTrial& trial);
  // A planted fault that breaks this property: it changes requests, as a faulty server would
  // misread them. nullptr: the server's files lose what was not synced, and it does not sync.
  PropertyTrial::Rewrite plant;
};

std::span<const Property> Properties();

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_PROPERTIES_PROPERTY_H_
