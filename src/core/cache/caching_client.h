#ifndef RESPROBE_CORE_CACHE_CACHING_CLIENT_H_
#define RESPROBE_CORE_CACHE_CACHING_CLIENT_H_

// A client with a cache that lives off CLIENT TRACKING (redis.io/docs/manual/client-side-caching).
// It does no I/O: its owner carries bytes and tells it the time, so it works over sockets as well
// as in a simulation.
//
// An entry goes ABSENT -> PENDING (its read is on its way) -> VALID -> ABSENT. What keeps it right:
//   - an invalidation while PENDING poisons the read: its reply is returned, and not stored. On two
//     connections the push may overtake the reply;
//   - so does a write of this client's own, which also drops a VALID entry at once: the server's
//     push for it comes only after the write's reply, and with NOLOOP never;
//   - whatever loses invalidations (a connection's end, the null push of a flush,
//     tracking-redir-broken, RESET) or changes what keys mean (SELECT) starts a new epoch: all
//     entries are dropped, and replies asked for before it are not stored;
//   - nothing is cached before the server has confirmed that tracking is on.
//
// Clients may share a cache, each with connections of its own (Share()). Their connections have no
// order between them. So, besides:
//   - an invalidation that any of them is sent drops an entry, whoever has it from the server;
//   - a reply to one of them drops what another one has stored otherwise, and poisons what another
//     one is waiting for: nobody can tell which of them is older;
//   - until a write is answered its keys are not served from what the others bring, and then they
//     are dropped once more.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/cache/cache.h"
#include "core/cache/policy.h"
#include "core/resp/reply.h"
#include "core/resp/reply_parser.h"

namespace resprobe::cache {

enum class Wire : uint8_t { kData, kInvalidations };

class CachingClient {
 public:
  enum class State : uint8_t {
    kDown,       // no connection for data
    kHandshake,  // tracking is not yet, or no more, confirmed by the server: nothing is cached
    kTracked,    // reads are cached
    kBroken,     // a stream made no sense or tracking was refused; the owner has to disconnect
  };
  using Entry = cache::Entry;

  // A request that is done. A read of several keys has one for each of them.
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
    std::string key;      // of a read of a field: the entry's name (Cache::FieldName)
    std::string value;    // of a read; of a write the text of a simple reply
  };

  // What Get() found.
  struct Lookup {
    const Entry* hit = nullptr;  // valid until the next call; nullptr: the reply comes later
    uint64_t request = 0;        // with no hit: what its Completion is called
  };

  explicit CachingClient(const Policy& policy = {}) : policy_(policy) { cache_->Join(this); }
  virtual ~CachingClient() = default;
  CachingClient(const CachingClient&) = delete;
  CachingClient& operator=(const CachingClient&) = delete;

  // As new, with the memory kept and a cache of its own. Request numbers start from 1 again.
  virtual void Reset(const Policy& policy);
  // From now on the entries are those of `cache`, which must outlive the client or its next
  // Reset(). For a client that has not been used yet.
  void Share(Cache* cache);

  // --- The connections, from their owner. One for data, and with Policy::wires one for
  // invalidations; in any order.
  // Sends the handshake; the wire must be down. `server` is any number that the owner has for the
  // process at its other end, which INFO's run_id tells apart: ids of connections to different ones
  // have nothing to do with each other, so that no invalidations are redirected between them.
  virtual void OnConnected(Wire wire, uint64_t server);
  void OnConnected() { OnConnected(Wire::kData, 0); }
  // Completes what is pending as kLost, unless it is to be replayed.
  virtual void OnDisconnected(Wire wire);
  void OnDisconnected() { OnDisconnected(Wire::kData); }
  void OnBytes(std::string_view bytes, int64_t now_ms, Wire wire = Wire::kData);
  // Bytes for the server; the owner erases what it took.
  std::string& output(Wire wire = Wire::kData) { return link(wire).output; }
  bool up(Wire wire = Wire::kData) const { return link(wire).up; }
  // The connection for invalidations is of no use any more, though its end has not shown, and is to
  // be dropped: the server says that it is gone, or the one for data leads to another server.
  bool invalidations_lost() const { return invalidations_lost_; }

  // --- Requests. Those made while there is no connection are lost at once.
  virtual Lookup Get(std::string_view key, int64_t now_ms);
  // The field of a hash: HGET.
  Lookup GetField(std::string_view key, std::string_view field, int64_t now_ms);
  // Several keys: one MGET of those that are not in the cache, with a request number for each.
  void GetMany(std::span<const std::string_view> keys, std::span<Lookup> found, int64_t now_ms);
  // Past the cache, from which the reply drops the key: nobody can tell which of them is older.
  uint64_t GetUncached(std::string_view key);
  // A command that changes `keys`, given whole: {"SET", "k", "v"}. Their entries are dropped. No
  // keys means that the command may change any: all entries are dropped.
  uint64_t Write(std::span<const std::string_view> keys, std::span<const std::string_view> command);
  // The same in a transaction: MULTI, the command, EXEC. Its value is that of EXEC's first element.
  uint64_t WriteInTransaction(std::span<const std::string_view> keys,
                              std::span<const std::string_view> command);
  uint64_t Ping();
  void PingInvalidations();
  // Another database: SELECT. Not for a client that shares its cache.
  void Select(std::string_view db);
  // The connection is made as new (RESET), and tracking is asked for again.
  void Renew();
  // Told out of band that any key may have changed (SWAPDB, of which servers say nothing).
  void Forget();

  // What was completed since the last TakeCompletions(). The span is valid until the next call of
  // any other member.
  std::span<const Completion> completions() const { return {completions_.data(), done_}; }
  void TakeCompletions() { done_ = 0; }

  State state() const { return state_; }
  // Why the state is kBroken.
  std::string_view broken_because() const { return broken_; }
  const Policy& policy() const { return policy_; }
  uint64_t epoch() const { return epoch_; }
  // The id at the server of the connection for data, from HELLO's reply; 0 before.
  int64_t server_id() const { return link(Wire::kData).server_id; }
  // Requests that are not answered, those of the handshake included.
  size_t pending() const { return link(Wire::kData).waiting(); }
  // Keys that were named by pushes since Reset(), and null pushes; and those of them that found
  // nothing to drop or to poison.
  uint64_t invalidations() const { return invalidations_; }
  uint64_t needless_invalidations() const { return needless_; }
  const Dict<Entry>& entries() const { return cache_->keys; }
  const Cache& cache() const { return *cache_; }
  // Whether an entry may be served, and no more than that: it changes nothing.
  bool Serves(const Entry& entry, int64_t now_ms) const;

 protected:
  enum class Expected : uint8_t {
    kHello,
    kSubscribed,
    kTracking,
    kIgnored,  // CLIENT CACHING, CLIENT TRACKING OFF, SELECT, RESET, MULTI, QUEUED, PING
    kRead,
    kReadField,
    kReadMany,
    kReadUncached,
    kWrite,
    kWriteExec,
    kPing,
  };
  // A request that is awaited. The names of its keys lie in one string.
  struct Pending {
    Expected kind = Expected::kPing;
    uint64_t request = 0;  // the first, of several keys
    uint64_t epoch = 0;
    uint64_t selects = 0;  // how often another database had been chosen
    bool cached = false;   // of a read: it has, or had, an entry
    std::string names;
    std::vector<size_t> ends;

    // As new, but for its memory. A call, since its branches tell of what earlier runs left there
    // (cmake/uncovered.txt).
    [[gnu::noinline]] void Reset() {
      names.clear();
      ends.clear();
      request = 0;
      cached = false;
    }
    size_t count() const { return ends.size(); }
    std::string_view name(size_t i = 0) const {
      const size_t begin = i == 0 ? 0 : ends[i - 1];
      return std::string_view(names).substr(begin, ends[i] - begin);
    }
    void AddName(std::string_view name) {
      names.append(name);
      ends.push_back(names.size());
    }
  };
  struct Link {
    bool up = false;
    uint64_t server = 0;  // the owner's number of it
    int64_t server_id = 0;
    int64_t heard_ms = 0;  // when bytes last came
    std::string output;
    resp::ReplyParser parser;
    resp::Reply reply;
    // [next, count) are awaited; the others keep memory.
    std::vector<Pending> expected;
    size_t next = 0;
    size_t count = 0;

    size_t waiting() const { return count - next; }
    void Clear();
  };

  // For clients that are to be wrong in tests.
  Cache& mutable_cache() { return *cache_; }
  virtual void HandleReply(resp::ReplyView reply, int64_t now_ms);
  virtual void NameField(std::string_view key, std::string_view field, std::string* name);

  Link& link(Wire wire) { return links_[static_cast<size_t>(wire)]; }
  const Link& link(Wire wire) const { return links_[static_cast<size_t>(wire)]; }

 private:
  bool two_wires() const { return policy_.wires != Wires::kOne; }
  bool resp2() const { return policy_.wires == Wires::kTwoResp2; }
  const Link& invalidations_link() const {
    return link(two_wires() ? Wire::kInvalidations : Wire::kData);
  }

  Pending& Expect(Wire wire, Expected kind);
  void Command(Wire wire, Expected kind, std::span<const std::string_view> words);
  bool Connected() const { return link(Wire::kData).up && state_ != State::kBroken; }
  void Begin();
  void Hello(Wire wire);
  void TrackIfReady();
  bool Covered(std::string_view key) const;
  const Entry* Hit(Dict<Entry>& entries, std::string_view name, std::string_view key,
                   int64_t now_ms);
  uint64_t SendRead(Expected kind, std::string_view name, std::string_view key,
                    std::span<const std::string_view> command);
  Pending& Ask(Expected kind, uint64_t request, bool cached);
  void Deliver(Pending& pending, std::span<const std::string_view> command);
  void Await(Dict<Entry>& entries, std::string_view name, uint64_t request);
  uint64_t SendWrite(Expected kind, std::span<const std::string_view> keys,
                     std::span<const std::string_view> command);
  bool Writing(std::string_view key) const;
  void Written(const Pending& write);

  Completion& Complete(uint64_t request, Completion::Kind kind, std::string_view name);
  void Lose(const Pending& pending);
  void Replay();
  void HandleHello(Wire wire, resp::ReplyView reply);
  void HandleTracking(const Pending& pending, resp::ReplyView reply);
  void HandleRead(Dict<Entry>& entries, const Pending& pending, size_t i, resp::ReplyView reply,
                  int64_t now_ms);
  void Contradict(Dict<Entry>& entries, size_t found);
  void HandleInvalidationWire(resp::ReplyView reply);
  void HandlePush(resp::ReplyView push);
  void HandleKeys(resp::ReplyView keys);
  bool Invalidate(std::string_view key, bool drop_valid);
  bool Invalidate(Dict<Entry>& entries, size_t i, bool drop_valid);
  // What this client was granted goes, and replies on their way are not stored.
  void NewEpoch();
  // The same for all that share the cache.
  void FlushAll();
  void Break(std::string_view why);

  Policy policy_;
  State state_ = State::kDown;
  uint64_t epoch_ = 1;
  uint64_t next_request_ = 1;
  uint64_t invalidations_ = 0;
  uint64_t needless_ = 0;
  bool tracking_sent_ = false;  // on this connection for data
  bool subscribed_ = false;     // RESP2: the connection for invalidations listens
  bool invalidations_lost_ = false;
  bool opt_in_ = true;       // CLIENT CACHING YES is to be sent
  size_t writing_ = 0;       // own writes that are awaited
  uint64_t generation_ = 0;  // of the last CLIENT TRACKING ON, and of what makes it void
  std::string db_;
  uint64_t selects_ = 0;
  std::string broken_;
  Link links_[2];
  std::unique_ptr<Cache> own_cache_ = std::make_unique<Cache>();
  Cache* cache_ = own_cache_.get();
  std::vector<Completion> completions_;  // the first done_; the others keep memory
  size_t done_ = 0;
  std::vector<Pending> replay_;  // the first replay_count_
  size_t replay_count_ = 0;
  std::string name_;
  std::vector<std::string_view> words_;
};

}  // namespace resprobe::cache

#endif  // RESPROBE_CORE_CACHE_CACHING_CLIENT_H_
