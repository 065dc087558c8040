#ifndef RESPROBE_WORLDS_INVALIDATION_INVALIDATION_OPS_H_
#define RESPROBE_WORLDS_INVALIDATION_INVALIDATION_OPS_H_

// The ops of the world `invalidation`, and the configuration of a run. Add new fields, kinds and
// names at the end, so that existing tapes keep their meaning.

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "core/cache/policy.h"
#include "engine/op.h"

namespace resprobe::invalidation {

// What clients read and write: four strings, k0 to k3, and the fields f0 and f1 of the hashes h0
// and h1. A slot number identifies each of them.
inline constexpr size_t kStrings = 4;
inline constexpr size_t kSlots = 8;
inline constexpr size_t kDatabases = 2;
inline constexpr size_t kMaxClients = 4;

// What the world requires of its server.
enum class Scope : uint8_t {
  kAll,
  kStrings,  // CLIENT TRACKING in default mode, one connection per client, one database, strings:
             // HELLO 3, CLIENT TRACKING ON [NOLOOP], GET, SET, DEL, MSET, PEXPIRE, FLUSHALL,
             // FLUSHDB
};

enum class WriteKind : uint8_t {
  kSet,
  kSetPx,
  kDel,
  kPexpire,
  kMset,
  kFlushAll,
  kFlushDb,
  kHset,
  kHdel,
  kDelHash,
  kExec  // SET in a transaction
};
inline constexpr std::string_view kWriteKindNames[] = {"set",  "setpx",    "del",     "pexpire",
                                                       "mset", "flushall", "flushdb", "hset",
                                                       "hdel", "delhash",  "exec"};
constexpr std::span<const std::string_view> EnumNames(WriteKind) { return kWriteKindNames; }

enum class ReadHow : uint8_t { kCached, kUncached };
inline constexpr std::string_view kReadHowNames[] = {"cached", "uncached"};
constexpr std::span<const std::string_view> EnumNames(ReadHow) { return kReadHowNames; }

enum class Direction : uint8_t { kBoth, kToServer, kToClient };
inline constexpr std::string_view kDirectionNames[] = {"both", "to-server", "to-client"};
constexpr std::span<const std::string_view> EnumNames(Direction) { return kDirectionNames; }

// Which side notices that a connection is cut.
enum class Seen : uint8_t {
  kByBoth,    // the client when it has drained the link
  kByServer,  // the client keeps waiting until a barrier
  kByClient,  // the server keeps sending until a barrier
};
inline constexpr std::string_view kSeenNames[] = {"by-both", "by-server", "by-client"};
constexpr std::span<const std::string_view> EnumNames(Seen) { return kSeenNames; }

// A second server that follows the first one, and replaces it in a failover.
enum class Replica : uint8_t {
  kNone,
  kStandby,  // no client reads from it before the failover
  // Clients 1 and 3 read from it, and it sends them invalidations; the clients 0 and 2 make their
  // writes. Clients that share a cache all read from the primary, since two servers have no common
  // order.
  kReads,
};
inline constexpr std::string_view kReplicaNames[] = {"none", "standby", "reads"};
constexpr std::span<const std::string_view> EnumNames(Replica) { return kReplicaNames; }

struct Config {
  Index clients;  // one more than this, modulo 4
  bool noloop = false;
  bool ttl_cap = false;
  bool no_negative_caching = false;
  cache::Mode mode = cache::Mode::kDefault;
  bool prefixes = false;  // bcast: of some keys (kPrefixSets), instead of all keys
  cache::Wires wires = cache::Wires::kOne;
  bool shared = false;  // one cache for all clients
  // The server tracks at most 2 keys. Only without noloop: with it, servers evict keys without a
  // notification (docs/findings/redis-noloop-table.md).
  bool small_table = false;
  bool output_limit = false;  // the server disconnects a client with too much unread output
  bool lease = false;         // no hit while the server has not been heard from for some time
  bool replay = false;        // reads that a lost connection left unanswered are sent again
  Replica replica = Replica::kNone;
  // With `prefixes`: which of kPrefixSets each client listens to, two bits a client, the first one
  // lowest. Clients that share a cache listen to the first.
  Index prefix_sets;
};

// Prefixes of one client do not overlap, but those of different clients do.
inline constexpr std::string_view kPrefixSets[][3] = {
    {"k0", "k1", "h"}, {"k", "h0", "x"}, {"h", "k0", "k2"}, {"k3", "h1", "k1"}};

struct Read {
  static constexpr std::string_view kName = "read";
  static constexpr int kWeight = 6;
  Index client;
  Index key;
  ReadHow how = ReadHow::kCached;
};

struct Write {
  static constexpr std::string_view kName = "write";
  static constexpr int kWeight = 4;
  Index client;
  WriteKind kind = WriteKind::kSet;
  Index key;
  Number ms;  // of setpx and pexpire
};

// Bytes arrive that are in flight on a client's links. Wire 1 is its connection for invalidations,
// if it has one.
struct Deliver {
  static constexpr std::string_view kName = "deliver";
  static constexpr int kWeight = 8;
  Index client;
  Direction direction = Direction::kBoth;
  Count bytes;
  Index wire;
};

// A connection is cut: bytes in flight to the server are lost, and the server forgets the client;
// bytes in flight to the client still arrive, unless `reset`.
struct Disconnect {
  static constexpr std::string_view kName = "disconnect";
  Index client;
  bool reset = false;
  Index wire;
  Seen seen = Seen::kByBoth;
};

// Reconnects closed connections.
struct Connect {
  static constexpr std::string_view kName = "connect";
  static constexpr int kWeight = 2;
  Index client;
};

struct Advance {
  static constexpr std::string_view kName = "advance";
  static constexpr bool kAddsUp = true;
  Number ms;  // a negative number is 0
};

// Ends half-open connections, drains all links and compares every entry with the server, in
// mid-run.
struct Barrier {
  static constexpr std::string_view kName = "barrier";
};

// Reads two strings with one MGET.
struct ReadMany {
  static constexpr std::string_view kName = "mread";
  static constexpr int kWeight = 2;
  Index client;
  Index key;
  Index other;
};

// The client selects the other database, unless it shares its cache.
struct Select {
  static constexpr std::string_view kName = "select";
  Index client;
  Index db;
};

// Swaps the two databases. The server sends no invalidations, so the program that swaps them must
// notify the clients.
struct SwapDb {
  static constexpr std::string_view kName = "swapdb";
};

// The client resets its connection (RESET) and enables tracking again.
struct Renew {
  static constexpr std::string_view kName = "renew";
  Index client;
};

// The server (the primary) dies and restarts, without keys and connections; client ids begin at 1
// again. A replica then copies its state: nothing.
struct Restart {
  static constexpr std::string_view kName = "restart";
};

// The client pings the server on all its connections.
struct Ping {
  static constexpr std::string_view kName = "ping";
  Index client;
};

// The server is short of memory and evicts a key.
struct Evict {
  static constexpr std::string_view kName = "evict";
  Index key;
  Index db;
};

// Bytes of the primary's stream arrive at the replica.
struct Replicate {
  static constexpr std::string_view kName = "replicate";
  static constexpr int kWeight = 2;
  Count bytes;
};

// The primary dies permanently: its connections end, and what has not arrived at the replica is
// lost. The replica becomes the primary. There is at most one failover in a run.
struct Failover {
  static constexpr std::string_view kName = "failover";
};

using Op = std::variant<Read, Write, Deliver, Disconnect, Connect, Advance, Barrier, ReadMany,
                        Select, SwapDb, Renew, Restart, Ping, Evict, Replicate, Failover>;

}  // namespace resprobe::invalidation

#endif  // RESPROBE_WORLDS_INVALIDATION_INVALIDATION_OPS_H_
