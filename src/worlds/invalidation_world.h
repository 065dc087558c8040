#ifndef RESPROBE_WORLDS_INVALIDATION_WORLD_H_
#define RESPROBE_WORLDS_INVALIDATION_WORLD_H_

// Caching clients, a server with CLIENT TRACKING, and between them links on which the tape decides
// how many bytes arrive when. Each client has one RESP3 connection, so the server's order of
// replies and pushes is the client's.
//
// The world knows the truth without asking the client under test: it follows each stream with a
// parser of its own, counts the changes of each key in the order in which the server made them
// ("versions"), and knows which version each read saw and which invalidations have arrived where.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/cache/caching_client.h"
#include "core/resp/reply.h"
#include "core/resp/reply_parser.h"
#include "engine/generate.h"
#include "engine/op.h"
#include "engine/run_context.h"
#include "sim/core_subject.h"
#include "sim/link.h"
#include "sim/server_subject.h"

namespace resprobe {

enum class WriteKind : uint8_t { kSet, kSetPx, kDel, kPexpire, kMset, kFlushAll, kFlushDb };
inline constexpr std::string_view kWriteKindNames[] = {"set",  "setpx",    "del",    "pexpire",
                                                       "mset", "flushall", "flushdb"};
constexpr std::span<const std::string_view> EnumNames(WriteKind) { return kWriteKindNames; }

enum class Direction : uint8_t { kBoth, kToServer, kToClient };
inline constexpr std::string_view kDirectionNames[] = {"both", "to-server", "to-client"};
constexpr std::span<const std::string_view> EnumNames(Direction) { return kDirectionNames; }

class InvalidationWorld {
 public:
  static constexpr std::string_view kName = "invalidation";
  static constexpr std::string_view kSummary =
      "caching clients on CLIENT TRACKING: no delivery order of bytes makes a cache serve stale "
      "data";
  static constexpr InvariantInfo kInvariants[] = {
      {"coverage",
       "an entry that a live client holds is in the server's tracking table, or its invalidation "
       "is "
       "on the way"},
      {"no_stale_after_barrier",
       "once all links are drained, every entry of a live client equals the server's value"},
      {"bounded_staleness",
       "a read is at least as new as every invalidation that has reached the client"},
      {"read_your_writes", "a read is at least as new as the client's own writes before it"},
      {"monotonic_reads", "a client never reads a version older than one it has read"},
      {"no_dead_epoch_hit",
       "no hit comes from before a lost connection or a flush that the client has seen"},
      {"framing", "one reply a request, in order, and pushes only between replies"},
      {"server_value", "the server answers a read with the last value written, or with nil"},
      {"liveness", "once drained, no read of a live client is still pending"},
  };

  static constexpr size_t kMaxClients = 4;
  static constexpr size_t kKeys = 4;

  struct Config {
    Index clients;  // one more than this, modulo 4
    bool noloop = false;
    bool ttl_cap = false;
    bool no_negative_caching = false;
    template <class V, class Self>
    static void Fields(V& v, Self& c) {
      v("clients", c.clients);
      v("noloop", c.noloop);
      v("ttl_cap", c.ttl_cap);
      v("no_negative_caching", c.no_negative_caching);
    }
    bool operator==(const Config&) const = default;
  };

  struct Read {
    static constexpr std::string_view kName = "read";
    static constexpr int kWeight = 6;
    Index client;
    Index key;
    template <class V, class Self>
    static void Fields(V& v, Self& op) {
      v("client", op.client);
      v("key", op.key);
    }
    bool operator==(const Read&) const = default;
  };
  struct Write {
    static constexpr std::string_view kName = "write";
    static constexpr int kWeight = 4;
    Index client;
    WriteKind kind = WriteKind::kSet;
    Index key;
    Number ms;  // of setpx and pexpire
    template <class V, class Self>
    static void Fields(V& v, Self& op) {
      v("client", op.client);
      v("kind", op.kind);
      v("key", op.key);
      v("ms", op.ms);
    }
    bool operator==(const Write&) const = default;
  };
  // Bytes that wait on a client's links arrive.
  struct Deliver {
    static constexpr std::string_view kName = "deliver";
    static constexpr int kWeight = 8;
    Index client;
    Direction direction = Direction::kBoth;
    Count bytes;
    template <class V, class Self>
    static void Fields(V& v, Self& op) {
      v("client", op.client);
      v("direction", op.direction);
      v("bytes", op.bytes);
    }
    bool operator==(const Deliver&) const = default;
  };
  // The connection is cut: what is on its way to the server is lost, the server forgets the client;
  // what is on its way to the client still arrives, unless `reset`. The client sees the end when
  // it has drained the link.
  struct Disconnect {
    static constexpr std::string_view kName = "disconnect";
    Index client;
    bool reset = false;
    template <class V, class Self>
    static void Fields(V& v, Self& op) {
      v("client", op.client);
      v("reset", op.reset);
    }
    bool operator==(const Disconnect&) const = default;
  };
  struct Connect {
    static constexpr std::string_view kName = "connect";
    Index client;
    template <class V, class Self>
    static void Fields(V& v, Self& op) {
      v("client", op.client);
    }
    bool operator==(const Connect&) const = default;
  };
  struct Advance {
    static constexpr std::string_view kName = "advance";
    Number ms;  // a negative number is 0
    template <class V, class Self>
    static void Fields(V& v, Self& op) {
      v("ms", op.ms);
    }
    bool operator==(const Advance&) const = default;
  };
  // Drains all links and compares every entry with the server, in mid-run.
  struct Barrier {
    static constexpr std::string_view kName = "barrier";
    template <class V, class Self>
    static void Fields(V&, Self&) {}
    bool operator==(const Barrier&) const = default;
  };
  using Op = std::variant<Read, Write, Deliver, Disconnect, Connect, Advance, Barrier>;

  // Runs against the core, with careful clients.
  InvalidationWorld() : subject_(&core_) {}
  // Runs against another server, or with clients that have given something up. `subject` must
  // outlive the world.
  InvalidationWorld(ServerSubject* subject, const cache::Policy& policy)
      : subject_(subject != nullptr ? subject : &core_), policy_(policy) {}

  static void Generate(Gen& gen, Write& op);
  static void Generate(Gen& gen, Advance& op);

  void Start(const Config& config, RunContext& run);
  void Apply(const Read& op, RunContext& run);
  void Apply(const Write& op, RunContext& run);
  void Apply(const Deliver& op, RunContext& run);
  void Apply(const Disconnect& op, RunContext& run);
  void Apply(const Connect& op, RunContext& run);
  void Apply(const Advance& op, RunContext& run);
  void Apply(const Barrier& op, RunContext& run);
  void Settle(RunContext& run);

 private:
  // What the world knows of a request, by its number at the client.
  struct Request {
    enum class Kind : uint8_t { kSetup, kRead, kWrite } kind = Kind::kSetup;
    WriteKind write = WriteKind::kSet;
    uint8_t key = 0;
    uint64_t end = 0;        // where it ends in the stream to the server
    uint64_t version = 0;    // of its key when the server ran it; 0: not run
    uint64_t value = 0;      // the number in the value that it writes or has read; 0: nil
    uint64_t own_write = 0;  // of a read: the client's last write of the key before it
  };
  // An invalidation on its way to a client.
  struct Push {
    uint64_t end = 0;  // where it ends in the stream to the client
    int key = 0;       // kAllKeys: the mark of a flush, before its push for each key
    uint64_t version = 0;
  };
  static constexpr int kAllKeys = -1;

  struct Client {
    cache::CachingClient cache;
    uint64_t connection = 0;  // 0: none
    bool cut = false;         // the server's end is gone, which the client may not have seen yet
    Link to_server;
    Link to_client;
    std::vector<Request> requests;  // number n at n - 1
    size_t next_to_run = 0;         // the first that the server has not answered
    std::vector<Push> pushes;       // [next_push, size()) have not arrived
    size_t next_push = 0;
    // Follows what the server sends.
    resp::ReplyParser parser;
    resp::Reply reply;
    // Per key.
    std::array<uint64_t, kKeys> arrived{};        // newest version whose invalidation has arrived
    std::array<uint64_t, kKeys> seen{};           // newest version that was read
    std::array<uint64_t, kKeys> last_write{};     // request number of the last own write
    std::array<uint64_t, kKeys> entry_version{};  // of what is in the cache
    std::array<uint64_t, kKeys> entry_epoch{};
    uint64_t epoch = 0;  // counts lost connections and flushes that the client has seen
  };

  // The truth about a key.
  struct KeyState {
    uint64_t version = 1;
    uint64_t value = 0;       // the number in its value; 0: nil
    bool may_expire = false;  // it was given a time to live
  };

  Client& Of(Index index) { return clients_[index.Of(client_count_)]; }
  std::string Name(const Client& client) const;
  static std::string_view KeyName(size_t key);

  void Open(Client& client);
  void NoteRequest(Client& client, uint64_t number, Request request);
  // Bytes arrive at the server, which answers; then what all clients were sent is looked at.
  void DeliverToServer(Client& client, size_t bytes, RunContext& run);
  void DeliverToClient(Client& client, size_t bytes, RunContext& run);
  static void Arrived(Client& client, const Push& push);
  void SeeEnd(Client& client, RunContext& run);
  // Moves what the server has sent onto the links and follows it.
  void Collect(Client& client, RunContext& run);
  void CollectAll(RunContext& run);
  // The server says that a key is this; false is a violation.
  bool Observe(size_t key, resp::ReplyView reply, RunContext& run);
  void Ran(Client& client, Request& request, resp::ReplyView reply, RunContext& run);
  void Pushed(Client& client, uint64_t end, resp::ReplyView push, RunContext& run);
  void Completed(Client& client, RunContext& run);
  void CheckRead(Client& client, size_t key, uint64_t version, uint64_t own_write,
                 std::string_view how, RunContext& run);
  void CheckCoverage(Client& client, RunContext& run);
  void Drain(RunContext& run);
  void CompareWithServer(RunContext& run);

  CoreSubject core_;
  ServerSubject* subject_;
  cache::Policy policy_;
  size_t client_count_ = 1;
  std::array<Client, kMaxClients> clients_;
  std::array<KeyState, kKeys> keys_;
  uint64_t next_value_ = 1;
  uint64_t version_ = 1;      // of the last change of any key
  bool time_passes_ = false;  // what is pushed now, is pushed because keys expired

  std::string probe_output_;
  resp::ReplyParser probe_parser_;
  resp::Reply probe_reply_;
  std::string scratch_;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_INVALIDATION_WORLD_H_
