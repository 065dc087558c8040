#ifndef RESPROBE_WORLDS_INVALIDATION_INVALIDATION_WORLD_H_
#define RESPROBE_WORLDS_INVALIDATION_INVALIDATION_WORLD_H_

// Model: up to four caching clients, a server with CLIENT TRACKING and possibly a replica of it,
// each a node (sim/node.h), and a network between them (sim/network.h) on which the tape decides
// how many bytes arrive when. The world determines the truth independently of the client under
// test: it parses what a client sends and what the server answers, counts the changes of each slot
// in the order in which the server made them (truth_model.h, "versions"), and knows which version
// each read saw and which invalidations have arrived where. It reads the stream from the primary
// to the replica in the same way (replication_watch.h).
//
// Faults: bytes in any slices and any order between connections; connections that end for both
// sides, for one side only (the other is half-open until it is healed), or in the middle of a
// value; a server that restarts empty, evicts, or is replaced by its replica before the replica has
// all changes; time that passes.
//
// Promise: kInvariants, relative to the server that a client is connected to: a change that has not
// reached a replica is not stale there. A failover may undo what clients have written and read;
// from then on the new primary is the truth, and a client must not keep entries of the old one.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/cache/cache.h"
#include "core/cache/caching_client.h"
#include "core/resp/reply.h"
#include "core/resp/reply_parser.h"
#include "core/resp/request_parser.h"
#include "engine/generate.h"
#include "engine/run_context.h"
#include "sim/core_subject.h"
#include "sim/network.h"
#include "sim/node.h"
#include "sim/scheduler.h"
#include "sim/server_subject.h"
#include "worlds/invalidation/client_requests.h"
#include "worlds/invalidation/invalidation_ops.h"
#include "worlds/invalidation/replication_watch.h"
#include "worlds/invalidation/session_checker.h"
#include "worlds/invalidation/slot_probe.h"
#include "worlds/invalidation/truth_model.h"

namespace resprobe {

class InvalidationWorld {
 public:
  static constexpr std::string_view kName = "invalidation";
  static constexpr std::string_view kSummary =
      "caching clients on CLIENT TRACKING: no delivery order of bytes makes a cache serve stale "
      "data";
  static constexpr InvariantInfo kInvariants[] = {
      {"cached_implies_tracked",
       "an entry that a live client holds is tracked by the server and has its value, or its "
       "invalidation is on the way"},
      {"no_stale_after_barrier",
       "once all links are drained, every entry of a live client equals the server's value"},
      {"bounded_staleness",
       "a hit is at least as new as every invalidation that has reached the client; on one "
       "connection so is a reply"},
      {"read_your_writes", "a read is at least as new as the client's own writes before it"},
      {"monotonic_reads",
       "a read is at least as new as what the session had read before it was asked for"},
      {"no_dead_epoch_hit",
       "no hit comes from before a lost connection, a flush or another database that the client "
       "has "
       "seen"},
      {"framing", "one reply a request, in order, and pushes only between replies"},
      {"server_value", "the server answers a read with the last value written, or with nil"},
      {"liveness", "once drained, no read of a live client is still pending"},
      {"own_value", "a read of a key or field gets a value of that key or field"},
      {"no_hit_past_deadline",
       "no hit past the limit of its age, nor from a server that is not heard of any more"},
      {"precision", "the server invalidates what the client has read, or what it listens to"},
      {"table_limit", "the server tracks no more keys than it may, but for the last command's"},
  };

  static constexpr size_t kMaxClients = 4;
  static constexpr size_t kSlots = invalidation::kSlots;
  static constexpr size_t kDatabases = invalidation::kDatabases;

  using Config = invalidation::Config;
  using Op = invalidation::Op;
  using Read = invalidation::Read;
  using Write = invalidation::Write;
  using Deliver = invalidation::Deliver;
  using Disconnect = invalidation::Disconnect;
  using Connect = invalidation::Connect;
  using Advance = invalidation::Advance;
  using Barrier = invalidation::Barrier;
  using ReadMany = invalidation::ReadMany;
  using Select = invalidation::Select;
  using SwapDb = invalidation::SwapDb;
  using Renew = invalidation::Renew;
  using Restart = invalidation::Restart;
  using Ping = invalidation::Ping;
  using Evict = invalidation::Evict;
  using Replicate = invalidation::Replicate;
  using Failover = invalidation::Failover;

  using MakeClient = std::unique_ptr<cache::CachingClient> (*)();

  // Runs against the core, with correct clients.
  InvalidationWorld() : InvalidationWorld(nullptr, {}) {}
  // Runs against a server that may support only a part of the commands.
  InvalidationWorld(ServerSubject* subject, invalidation::Scope scope)
      : InvalidationWorld(subject, cache::Policy()) {
    scope_ = scope;
  }
  // Runs against another server (which must outlive the world; nullptr: the core), with clients
  // that lack a precaution (`policy`), or with those that `make` creates.
  InvalidationWorld(ServerSubject* subject, const cache::Policy& policy, MakeClient make = nullptr);

  static void Generate(Gen& gen, Config& config);
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
  void Apply(const ReadMany& op, RunContext& run);
  void Apply(const Select& op, RunContext& run);
  void Apply(const SwapDb& op, RunContext& run);
  void Apply(const Renew& op, RunContext& run);
  void Apply(const Restart& op, RunContext& run);
  void Apply(const Ping& op, RunContext& run);
  void Apply(const Evict& op, RunContext& run);
  void Apply(const Replicate& op, RunContext& run);
  void Apply(const Failover& op, RunContext& run);
  void Settle(RunContext& run);

 private:
  using WriteKind = invalidation::WriteKind;
  using Sent = invalidation::Sent;
  using Asked = invalidation::Asked;
  using SessionChecker = invalidation::SessionChecker;
  using Change = invalidation::Change;
  using Truth = invalidation::Truth;
  using TruthModel = invalidation::TruthModel;

  // An invalidation in flight to a client.
  struct Push {
    enum class What : uint8_t { kSlot, kEverything, kBroken } what = What::kSlot;
    uint8_t slot = 0;
    uint64_t end = 0;  // its end in the stream
    std::array<uint64_t, kDatabases> versions{};
  };
  // A message in flight, for the trace.
  struct Message {
    uint64_t end = 0;
    uint64_t number = 0;
    std::string text;
  };
  // A connection of a client. The server's end may be closed without the client having seen it.
  struct Wire {
    Network::End end = Network::End::kNone;  // the client's
    uint64_t connection = 0;                 // the server's id of it; 0: the client has none
    uint8_t node = 0;                        // the server
    int64_t heard_ms = 0;
    resp::RequestParser requests;  // parses what the client sends
    resp::ReplyParser replies;     // parses what the server sends
    size_t unanswered = 0;         // wire 1: requests without a reply
    std::vector<Push> pushes;      // [next_push, size()) have not arrived
    size_t next_push = 0;
    std::vector<Message> requests_on_way;
    std::vector<Message> messages_on_way;
  };
  struct Client {
    std::unique_ptr<cache::CachingClient> cache;
    std::array<Wire, 2> wires;
    invalidation::ClientRequests requests;  // on wire 0
    std::string noted;                      // what it holds, as last written to the trace
    uint8_t db = 0;                         // selected by the client
    uint64_t epoch = 0;  // incremented by each event that invalidates all its entries, as far as
                         // the client has seen it
    // Per slot.
    std::array<uint8_t, kSlots> to_tell{};  // the server must announce the next change: the client
                                            // has read the slot
  };
  // What the world knows about an entry.
  struct Held {
    uint64_t version = 0;
    uint64_t epoch = 0;  // of its owner
    int64_t stored_ms = 0;
    uint8_t owner = 0;
    uint8_t db = 0;
    uint8_t node = 0;  // its server
  };
  // A server.
  struct TrackedNode {
    ServerSubject* subject = nullptr;
    Node node;
    bool up = false;   // in service: it has not died permanently
    uint64_t run = 0;  // number of its process: 1 is the first primary, 2 the replica, others have
                       // restarted
    TruthModel truth;
    std::vector<Network::End> ghosts;  // its ends of connections that only the client has closed
  };
  // invalidation_world.cc
  Client& Of(Index index) { return clients_[index.Of(client_count_)]; }
  size_t Number(const Client& client) const {
    return static_cast<size_t>(&client - clients_.data());
  }
  std::string Name(const Client& client) const;
  bool two_wires() const { return config_.wires != cache::Wires::kOne; }
  const Wire& PushWire(const Client& client) const { return client.wires[two_wires() ? 1 : 0]; }
  size_t SessionOf(const Client& client) const { return config_.shared ? 0 : Number(client); }
  Held& HeldBy(const Client& client, size_t slot) {
    return held_[config_.shared && policy_.one_cache ? 0 : Number(client)][slot];
  }
  bool strings_only() const { return scope_ == invalidation::Scope::kStrings; }
  size_t slots() const { return strings_only() ? invalidation::kStrings : kSlots; }
  TrackedNode& primary() { return nodes_[primary_]; }
  const TrackedNode& primary() const { return nodes_[primary_]; }
  TrackedNode& replica() { return nodes_[1 - primary_]; }
  TrackedNode& NodeOf(const Wire& wire) { return nodes_[wire.node]; }
  const TrackedNode& NodeOf(const Wire& wire) const { return nodes_[wire.node]; }
  static Network::End ServersEnd(const Wire& wire) { return Network::Peer(wire.end); }
  // The bytes in flight; only while the client has a connection.
  ByteStream& ToServer(const Wire& wire) { return network_.Incoming(ServersEnd(wire)); }
  ByteStream& ToClient(const Wire& wire) { return network_.Incoming(wire.end); }
  size_t InFlight(const Wire& wire, bool to_client) {
    if (wire.connection == 0) return 0;
    return (to_client ? ToClient(wire) : ToServer(wire)).in_flight();
  }
  // Both ends are open.
  bool Whole(const Wire& wire) const {
    return wire.connection != 0 && network_.IsOpen(ServersEnd(wire));
  }
  // The server that the client connects to.
  size_t Home(const Client& client) const {
    const bool reads = stream_.open() && config_.replica == invalidation::Replica::kReads;
    return reads && Number(client) % 2 == 1 ? 1 - primary_ : primary_;
  }
  // Writes go to the primary: for a client that reads from the replica, the client before it makes
  // them.
  Client& WriterFor(Client& client) {
    return Home(client) == primary_ ? client : clients_[Number(client) - 1];
  }
  int64_t now() const { return static_cast<int64_t>(primary().subject->now_ms()); }
  void ResetClient(Client& client);
  void StartNodes(RunContext& run);
  void ConfigureNode(TrackedNode& node);
  void Open(Client& client, size_t wire, RunContext& run);
  void Hit(Client& client, size_t slot, const cache::Entry& entry, RunContext& run);

  // invalidation_faults.cc
  void CloseServersEnd(Wire& wire, Network::Farewell farewell);
  void CrashNode(size_t node);

  // invalidation_requests.cc
  void Follow(Client& client, RunContext& run);
  void FollowRequests(Client& client, size_t wire, RunContext& run);
  void Remember(Client& client, uint64_t number, size_t slot, size_t position, bool read);

  // invalidation_truth.cc
  void SeeVanished(RunContext& run);
  void SeeVanishedFrom(const Server& core, RunContext& run);
  void Gone(size_t db, size_t slot, RunContext& run);
  bool Observe(size_t node, size_t db, size_t slot, resp::ReplyView reply, RunContext& run);
  void Ran(Client& client, Sent& sent, resp::ReplyView reply, RunContext& run);
  void RanWrite(Sent& sent, RunContext& run);
  void Changed(Change change, RunContext& run);

  // invalidation_replication.cc
  bool Command(TrackedNode& node, std::string_view command, RunContext& run);
  void BeginStream(RunContext& run);
  void FollowPrimary(RunContext& run);
  void ReadStream(RunContext& run);
  bool MatchStream(const Change& change, RunContext& run);
  bool TakeDeletion(RunContext& run);
  void TakeUnseen(RunContext& run);
  void Replicated(RunContext& run);
  void DeliverToReplica(size_t bytes, RunContext& run);
  void TellOfSwap(size_t node);
  void LoseWrites();

  // invalidation_streams.cc
  void DeliverToServer(Client& client, size_t wire, size_t bytes, RunContext& run);
  void DeliverToClient(Client& client, size_t wire, size_t bytes, RunContext& run);
  void NoteArrivals(Client& client, size_t wire, size_t bytes, RunContext& run);
  void Arrived(Client& client, const Wire& wire, const Push& push);
  void SeeEnd(Client& client, size_t wire, RunContext& run);
  void DropLost(Client& client, RunContext& run);
  void Collect(Client& client, size_t wire, RunContext& run);
  void CollectAll(RunContext& run);
  void LimitOutput(Client& client, Wire& wire, RunContext& run);
  void Pushed(Client& client, Wire& wire, uint64_t end, resp::ReplyView what, RunContext& run);
  void NotePush(Wire& wire, uint64_t end, size_t slot);
  void PushedKeys(Client& client, Wire& wire, uint64_t end, resp::ReplyView keys, RunContext& run);
  void Drain(RunContext& run);

  // invalidation_checks.cc
  void Completed(Client& client, RunContext& run);
  void CheckRead(Client& client, const Asked& asked, const Held& got, bool hit, RunContext& run);
  void CheckCoverage(RunContext& run);
  void CheckEntry(const Held& held, size_t slot, RunContext& run);
  static size_t SlotOfEntry(std::string_view name, bool field);
  bool OnItsWay(const Client& client, size_t slot) const;
  bool ReplyOnItsWay(const Client& client, size_t slot) const;
  bool Tracked(const Client& client, std::string_view key) const;
  void CheckTable(RunContext& run);
  void CompareWithServer(RunContext& run);
  // For each database its slots, one bit each.
  using Slots = std::array<uint32_t, kDatabases>;
  Slots HeldSlots();
  bool Probe(size_t node, size_t db, uint32_t mask, RunContext& run);
  void CompareEntries(Client& client, RunContext& run);

  // Name in the trace; two servers keep their names during a run, except the one that replaces the
  // other.
  std::string NodeName(size_t node) const;
  void Note(RunContext& run, const Client& client, std::string_view what);
  void NoteEntries(RunContext& run);

  CoreSubject core_;
  ServerSubject* subject_;
  cache::Policy policy_;
  invalidation::Scope scope_ = invalidation::Scope::kAll;
  Config config_;
  size_t client_count_ = 1;
  std::array<Client, kMaxClients> clients_;
  cache::Cache shared_;
  Scheduler scheduler_;
  Network network_{&scheduler_};
  std::array<TrackedNode, 2> nodes_;
  uint64_t runs_ = 0;  // processes started so far
  size_t primary_ = 0;
  ServerSubject* replica_ = nullptr;  // the second server, if there is one
  invalidation::ReplicationWatch stream_;
  SessionChecker sessions_;
  std::array<std::array<Held, kSlots>, kMaxClients> held_;
  std::vector<uint8_t> slot_of_value_;  // number n at n - 1
  uint64_t version_ = 1;                // of the last change of any slot
  bool selected_ = false;               // another database than the first was used
  bool may_vanish_ = false;             // keys can disappear without a command
  bool time_passes_ = false;            // pushes sent now are caused by expiry
  uint64_t messages_ = 0;               // numbers messages in the trace

  invalidation::SlotProbe probe_;
  std::string scratch_;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_INVALIDATION_INVALIDATION_WORLD_H_
