#ifndef RESPROBE_CORE_CACHE_POLICY_H_
#define RESPROBE_CORE_CACHE_POLICY_H_

#include <cstdint>
#include <span>
#include <string_view>

namespace resprobe::cache {

// Which keys the server sends invalidations for (CLIENT TRACKING ON …).
enum class Mode : uint8_t { kDefault, kBroadcast, kOptIn, kOptOut };
inline constexpr std::string_view kModeNames[] = {"default", "bcast", "optin", "optout"};
constexpr std::span<const std::string_view> EnumNames(Mode) { return kModeNames; }

// The connections of a client.
enum class Wires : uint8_t {
  kOne,  // RESP3: replies and invalidations in the server's order
  kTwo,  // RESP3: invalidations are redirected to a second connection; no order between the two
  kTwoResp2,  // the same in RESP2: the second one subscribes to __redis__:invalidate
};
inline constexpr std::string_view kWiresNames[] = {"one", "two", "two-resp2"};
constexpr std::span<const std::string_view> EnumNames(Wires) { return kWiresNames; }

// The safety rules of a caching client, and what it asks of the server. The defaults are correct.
// Setting one of the first group to false breaks the rule in its comment, as caching clients in the
// field have done.
struct Policy {
  // An invalidation of a key while a read of it is in flight (a push, an own write, a null push)
  // keeps the read's reply out of the cache.
  bool poison_pending = true;
  // A push that names a key drops its entry.
  bool drop_invalidated = true;
  // An own write drops the entry at once: the server's push for it comes after the write's reply,
  // and with NOLOOP not at all.
  bool drop_own_writes = true;
  // When a connection ends, the entries granted on it are dropped.
  bool flush_on_loss = true;
  // A null push empties the cache.
  bool flush_on_null_push = true;
  // A read that ends without a value (an error, a closed connection) drops its PENDING entry.
  bool release_pending = true;
  // Of several reads of a key in flight together, the last one's reply stays.
  bool newest_read_wins = true;
  // After a reconnect nothing is read before tracking has been requested again.
  bool track_before_reads = true;
  // All keys that one push names are dropped.
  bool drop_all_named = true;
  // SELECT drops all entries: another database has other values.
  bool flush_on_select = true;
  // Clients that share a cache use one set of entries; else each has its own.
  bool one_cache = true;
  // An entry past its deadline is not served, nor one from a server that has been silent for too
  // long.
  bool keep_deadlines = true;
  // OPTIN: CLIENT CACHING YES precedes each read that is to be cached.
  bool opt_in_each_read = true;
  // `tracking-redir-broken` empties the cache.
  bool flush_on_broken_redirect = true;

  Mode mode = Mode::kDefault;
  // Prefixes in kBroadcast; none: all keys. Must not overlap. Other keys are not cached. Must
  // outlive the client.
  std::span<const std::string_view> prefixes = {};
  Wires wires = Wires::kOne;

  // Missing keys are cached too.
  bool negative_caching = true;
  // CLIENT TRACKING ON NOLOOP: the server sends no pushes for this client's own writes.
  bool noloop = false;
  // Reads left unanswered by a lost connection are sent again on the next.
  bool replay_reads = false;
  // Entries expire this long after they were stored; 0 is never.
  int64_t ttl_cap_ms = 0;
  // Nothing is served from the cache after the server has been silent for this long on the
  // connection for invalidations; 0 is no limit. The owner sends PINGs to get replies.
  int64_t lease_ms = 0;
};

}  // namespace resprobe::cache

#endif  // RESPROBE_CORE_CACHE_POLICY_H_
