#ifndef RESPROBE_CORE_CACHE_CACHING_CLIENT_H_
#define RESPROBE_CORE_CACHE_CACHING_CLIENT_H_

// A client with a cache that lives off CLIENT TRACKING in default mode, over one RESP3 connection
// (redis.io/docs/manual/client-side-caching). It does no I/O: its owner carries bytes and tells it
// the time, so it works over a socket as well as in a simulation.
//
// An entry goes ABSENT -> PENDING (its GET is on its way) -> VALID -> ABSENT. What keeps it right:
//   - an invalidation while PENDING poisons the request: its reply is returned, and not stored;
//   - so does a write of this client's own, which also drops a VALID entry at once: the server's
//     push for it comes only after the write's reply;
//   - whatever loses invalidations (the connection's end, the null push of a flush) starts a new
//     epoch: all entries are dropped, and replies asked for before it are not stored;
//   - nothing is cached before the server has confirmed that tracking is on.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/keyspace/dict.h"
#include "core/resp/reply.h"
#include "core/resp/reply_parser.h"

namespace resprobe::cache {

// How careful the client is. The defaults are right. Each of the first seven set to false gives up
// what its comment says, as caching clients in the field have done.
struct Policy {
  // A write of the client's own that overtakes a read keeps the read's reply out of the cache, and
  // so does an invalidation. (One connection delivers in the server's order, in which an
  // invalidation that matters comes after the reply; two have no order between them.)
  bool poison_pending = true;
  // A push that names a key drops its entry.
  bool drop_invalidated = true;
  // So does an own write, at once.
  bool drop_own_writes = true;
  // The connection's end empties the cache.
  bool flush_on_loss = true;
  // A null push empties the cache.
  bool flush_on_null_push = true;
  // A read that ends without a value (an error, the connection's end) gives up its PENDING entry.
  bool release_pending = true;
  // Of several reads of a key that were on their way together the last one's reply stays.
  bool newest_read_wins = true;

  // Keys that do not exist are cached too.
  bool negative_caching = true;
  // CLIENT TRACKING ON NOLOOP: the server sends no pushes for this client's own writes.
  bool noloop = false;
  // Entries are dropped this long after they were stored; 0 is never.
  int64_t ttl_cap_ms = 0;
};

class CachingClient {
 public:
  enum class State : uint8_t {
    kDown,       // no connection
    kHandshake,  // HELLO and CLIENT TRACKING are sent, not yet answered: nothing is cached
    kTracked,    // reads are cached
    kBroken,     // the stream made no sense or tracking was refused; the owner has to disconnect
  };

  struct Entry {
    bool valid = false;     // else PENDING
    bool poisoned = false;  // PENDING, and its reply must not be stored
    bool null = false;      // VALID: the key does not exist
    uint64_t request = 0;   // the GET that it comes from
    uint64_t epoch = 0;
    int64_t deadline_ms = 0;  // 0: none
    std::string value;

    friend void RecycleSlot(Entry& entry) {
      RecycleString(entry.value);
      entry = {.value = std::move(entry.value)};
    }
  };

  // A request that is done.
  struct Completion {
    enum class Kind : uint8_t {
      kReply,  // answered by the server
      kError,  // answered with an error, which is in `value`
      kLost,   // the connection ended first: a write may have happened or not
    };
    uint64_t request = 0;
    Kind kind = Kind::kReply;
    bool is_read = false;
    bool null = false;
    bool stored = false;  // the reply went into the cache
    std::string key;
    std::string value;  // of a read; of a write the text of a simple reply
  };

  // What Get() found.
  struct Lookup {
    const Entry* hit = nullptr;  // valid until the next call; nullptr: the reply comes later
    uint64_t request = 0;        // with no hit: what its Completion is called
  };

  explicit CachingClient(const Policy& policy = {}) : policy_(policy) {}

  // As new, with the memory kept. Request numbers start from 1 again.
  void Reset(const Policy& policy);

  // --- The connection, from its owner.
  void OnConnected();     // sends the handshake; the state must be kDown
  void OnDisconnected();  // completes what is pending as kLost
  void OnBytes(std::string_view bytes, int64_t now_ms);
  // Bytes for the server; the owner erases what it took.
  std::string& output() { return output_; }

  // --- Requests. Those made while kDown or kBroken are lost at once.
  Lookup Get(std::string_view key, int64_t now_ms);
  // A command that changes `keys`, given whole: {"SET", "k", "v"}. Their entries are dropped. No
  // keys means that the command may change any: all entries are dropped.
  uint64_t Write(std::span<const std::string_view> keys, std::span<const std::string_view> command);
  uint64_t Ping();

  // What was completed since the last TakeCompletions(). The span is valid until the next call of
  // any other member.
  std::span<const Completion> completions() const { return {completions_.data(), done_}; }
  void TakeCompletions() { done_ = 0; }

  State state() const { return state_; }
  // Why the state is kBroken.
  std::string_view broken_because() const { return broken_; }
  uint64_t epoch() const { return epoch_; }
  // The connection's id at the server, from HELLO's reply; 0 before.
  int64_t server_id() const { return server_id_; }
  size_t pending() const { return expected_.size() - next_expected_; }
  // Keys that were named by pushes since Reset(), and null pushes.
  uint64_t invalidations() const { return invalidations_; }
  const Dict<Entry>& entries() const { return entries_; }

 private:
  enum class Expected : uint8_t { kHello, kTracking, kRead, kWrite, kPing };
  struct Pending {
    Expected kind = Expected::kPing;
    uint64_t request = 0;
    uint64_t epoch = 0;
    std::string key;
  };

  uint64_t Send(Expected kind, std::string_view key, std::span<const std::string_view> command);
  Completion& Complete(const Pending& pending, Completion::Kind kind);
  void Lose(const Pending& pending);
  void HandleReply(resp::ReplyView reply, int64_t now_ms);
  void HandleRead(const Pending& pending, resp::ReplyView reply, int64_t now_ms);
  void HandlePush(resp::ReplyView push);
  void Invalidate(std::string_view key, bool drop_valid);
  void NewEpoch();
  void Break(std::string_view why);

  Policy policy_;
  State state_ = State::kDown;
  uint64_t epoch_ = 1;
  uint64_t next_request_ = 1;
  int64_t server_id_ = 0;
  uint64_t invalidations_ = 0;
  std::string broken_;
  std::string output_;
  Dict<Entry> entries_;
  // A queue: [next_expected_, size()) are awaited.
  std::vector<Pending> expected_;
  size_t next_expected_ = 0;
  std::vector<Completion> completions_;  // the first done_; the others keep memory
  size_t done_ = 0;
  resp::ReplyParser parser_;
  resp::Reply reply_;
};

}  // namespace resprobe::cache

#endif  // RESPROBE_CORE_CACHE_CACHING_CLIENT_H_
