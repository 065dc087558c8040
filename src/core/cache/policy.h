#ifndef RESPROBE_CORE_CACHE_POLICY_H_
#define RESPROBE_CORE_CACHE_POLICY_H_

#include <cstdint>
#include <span>
#include <string_view>

namespace resprobe::cache {

// Which keys the server tells of (CLIENT TRACKING ON …).
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

// How careful a caching client is, and what it asks of the server. The defaults are right. Each of
// the first group, set to false, gives up what its comment says, as caching clients in the field
// have done.
struct Policy {
  // What invalidates a key while a read of it is on its way (a push, an own write, a null push)
  // keeps the read's reply out of the cache.
  bool poison_pending = true;
  // A push that names a key drops its entry.
  bool drop_invalidated = true;
  // So does an own write, at once: the server's push for it comes after the write's reply, and with
  // NOLOOP not at all.
  bool drop_own_writes = true;
  // The end of a connection empties the cache of what was granted on it.
  bool flush_on_loss = true;
  // A null push empties the cache.
  bool flush_on_null_push = true;
  // A read that ends without a value (an error, the connection's end) gives up its PENDING entry.
  bool release_pending = true;
  // Of several reads of a key that were on their way together the last one's reply stays.
  bool newest_read_wins = true;
  // After a reconnect nothing is read before the server was asked to track again.
  bool track_before_reads = true;
  // A push may name several keys.
  bool drop_all_named = true;
  // Another database has other values.
  bool flush_on_select = true;
  // The cache that several connections share is one; else each has its own.
  bool one_cache = true;
  // What is past its deadline, or is kept by a server that is not heard of any more, is not served.
  bool keep_deadlines = true;
  // OPTIN: CLIENT CACHING YES goes before each read that is to be cached.
  bool opt_in_each_read = true;
  // `tracking-redir-broken` empties the cache.
  bool flush_on_broken_redirect = true;

  Mode mode = Mode::kDefault;
  // Of keys that the server tells of in kBroadcast; none: all. Must not overlap. Other keys are not
  // cached. Must outlive the client.
  std::span<const std::string_view> prefixes = {};
  Wires wires = Wires::kOne;

  // Keys that do not exist are cached too.
  bool negative_caching = true;
  // CLIENT TRACKING ON NOLOOP: the server sends no pushes for this client's own writes.
  bool noloop = false;
  // Reads that a lost connection has left unanswered are sent again on the next.
  bool replay_reads = false;
  // Entries are not served this long after they were stored; 0 is never.
  int64_t ttl_cap_ms = 0;
  // Nothing is served from the cache when the server has not been heard of for this long on the
  // connection of the invalidations; 0 is for ever. The owner pings to be heard.
  int64_t lease_ms = 0;
};

}  // namespace resprobe::cache

#endif  // RESPROBE_CORE_CACHE_POLICY_H_
