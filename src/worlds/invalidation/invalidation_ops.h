#ifndef RESPROBE_WORLDS_INVALIDATION_INVALIDATION_OPS_H_
#define RESPROBE_WORLDS_INVALIDATION_INVALIDATION_OPS_H_

// The ops of the world `invalidation`, and what is chosen once for a run. New fields, kinds and
// names go to the end: what stands before means the same in all tapes that there are.

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "core/cache/policy.h"
#include "engine/op.h"

namespace resprobe::invalidation {

// What clients read and write: four strings, k0 to k3, and the fields f0 and f1 of the hashes h0
// and h1. One number, a slot, names each of them.
inline constexpr size_t kStrings = 4;
inline constexpr size_t kSlots = 8;
inline constexpr size_t kDatabases = 2;

// What the world asks of its server.
enum class Scope : uint8_t {
  kAll,
  kStrings,  // CLIENT TRACKING in default mode, one connection a client, one database, strings:
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

// Who sees that a connection is cut.
enum class Seen : uint8_t {
  kByBoth,    // the client when it has drained the link
  kByServer,  // the client goes on waiting until a barrier
  kByClient,  // the server goes on sending until a barrier
};
inline constexpr std::string_view kSeenNames[] = {"by-both", "by-server", "by-client"};
constexpr std::span<const std::string_view> EnumNames(Seen) { return kSeenNames; }

// A second server that follows the first one, and takes its place in a failover.
enum class Replica : uint8_t {
  kNone,
  kStandby,  // nobody reads from it before that
  // Clients 1 and 3 read from it, and are told of changes by it; their writes are made by the
  // clients 0 and 2. Those who share a cache all read from the primary: two servers have no order
  // between them.
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
  bool prefixes = false;  // bcast: of "k0", "k1" and "h", in place of all keys
  cache::Wires wires = cache::Wires::kOne;
  bool shared = false;  // one cache for all clients
  // The server tracks at most 2 keys. Without noloop only: there servers forget keys and say
  // nothing (docs/findings/redis-noloop-table.md).
  bool small_table = false;
  bool output_limit = false;  // and closes the connection of a client that lets too much wait
  bool lease = false;         // nothing is served from a server that is not heard of
  bool replay = false;        // reads that a lost connection has left are sent again
  Replica replica = Replica::kNone;
};

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

// Bytes that wait on a client's links arrive. Wire 1 is its connection for invalidations, if it has
// one.
struct Deliver {
  static constexpr std::string_view kName = "deliver";
  static constexpr int kWeight = 8;
  Index client;
  Direction direction = Direction::kBoth;
  Count bytes;
  Index wire;
};

// A connection is cut: what is on its way to the server is lost, the server forgets the client;
// what is on its way to the client still arrives, unless `reset`.
struct Disconnect {
  static constexpr std::string_view kName = "disconnect";
  Index client;
  bool reset = false;
  Index wire;
  Seen seen = Seen::kByBoth;
};

// Connects what is not connected.
struct Connect {
  static constexpr std::string_view kName = "connect";
  static constexpr int kWeight = 2;
  Index client;
};

struct Advance {
  static constexpr std::string_view kName = "advance";
  Number ms;  // a negative number is 0
};

// Heals what is half open, drains all links and compares every entry with the server, in mid-run.
struct Barrier {
  static constexpr std::string_view kName = "barrier";
};

// Two strings in one MGET.
struct ReadMany {
  static constexpr std::string_view kName = "mread";
  static constexpr int kWeight = 2;
  Index client;
  Index key;
  Index other;
};

// The client goes to another database, unless it shares its cache.
struct Select {
  static constexpr std::string_view kName = "select";
  Index client;
  Index db;
};

// The two databases are exchanged. The server tells nobody, so whoever does it has to tell the
// clients.
struct SwapDb {
  static constexpr std::string_view kName = "swapdb";
};

// The client makes its connection new (RESET) and asks for tracking again.
struct Renew {
  static constexpr std::string_view kName = "renew";
  Index client;
};

// The server (the primary) dies and is there again, without keys and connections; ids begin from 1.
// A replica then takes over what it has: nothing.
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

// The primary dies for good: its connections end, and what has not arrived at the replica is lost.
// The replica is the primary from now on. There is one failover in a run.
struct Failover {
  static constexpr std::string_view kName = "failover";
};

using Op = std::variant<Read, Write, Deliver, Disconnect, Connect, Advance, Barrier, ReadMany,
                        Select, SwapDb, Renew, Restart, Ping, Evict, Replicate, Failover>;

}  // namespace resprobe::invalidation

#endif  // RESPROBE_WORLDS_INVALIDATION_INVALIDATION_OPS_H_
