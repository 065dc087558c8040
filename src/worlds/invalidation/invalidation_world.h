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

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "core/cache/cache.h"
#include "core/cache/caching_client.h"
#include "engine/generate.h"
#include "engine/run_context.h"
#include "sim/core_subject.h"
#include "sim/network.h"
#include "sim/scheduler.h"
#include "sim/server_subject.h"
#include "worlds/invalidation/client.h"
#include "worlds/invalidation/client_traffic.h"
#include "worlds/invalidation/client_wires.h"
#include "worlds/invalidation/entry_checker.h"
#include "worlds/invalidation/invalidation_ops.h"
#include "worlds/invalidation/push_book.h"
#include "worlds/invalidation/read_checker.h"
#include "worlds/invalidation/run_notes.h"
#include "worlds/invalidation/run_settings.h"
#include "worlds/invalidation/server_model.h"
#include "worlds/invalidation/slot_probe.h"
#include "worlds/invalidation/tracked_servers.h"

namespace resprobe {

// The world itself only turns ops into calls of its parts, each of which has one purpose:
//
//   Clients, ClientRequests     the clients under test, and what each of them has asked for
//   TrackedServers              the processes: which server is the primary, and their names
//   ServerModel, TruthModel,    the model: what the servers hold, and the stream to the replica
//   ReplicationWatch
//   ClientWires, ClientTraffic  the network: connections and their faults; what arrives, and which
//                               part learns of it
//   PushBook                    the invalidations: which are in flight, which the server owes
//   ReadChecker, SessionChecker the checkers: what clients report to their users,
//   EntryChecker                what their caches hold,
//   SlotProbe                   what the servers hold
//   RunNotes                    the trace
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
      {"precision",
       "the server invalidates what the client has read, or what it listens to, and all of it only "
       "after a flush"},
      {"table_limit", "the server tracks no more keys than it may, but for the last command's"},
  };

  static constexpr size_t kMaxClients = invalidation::kMaxClients;
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

  using MakeClient = invalidation::Clients::MakeClient;

  // Runs against the core, with correct clients.
  InvalidationWorld() : InvalidationWorld(nullptr, {}) {}
  // Runs against a server that may support only a part of the commands.
  InvalidationWorld(ServerSubject* subject, invalidation::Scope scope)
      : InvalidationWorld(subject, cache::Policy()) {
    settings_.scope = scope;
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

  // For tests: the requests of all clients that are kept, and those that were sent in this run.
  size_t held() const;
  uint64_t sent() const;

 private:
  using Client = invalidation::Client;

  Client& Of(Index index) { return clients_[index.Of(clients_.size())]; }
  invalidation::Wire& WireOf(const Client& client, Index wire) {
    return wires_.Of(client.number, wire.Of(settings_.wires()));
  }
  // Writes go to the primary: for a client that reads from the replica, the client before it makes
  // them.
  Client& WriterFor(Client& client) {
    return model_.Home(client.number) == servers_.first() ? client : clients_[client.number - 1U];
  }
  void StartServers(RunContext& run);
  void StartClients();
  // With nothing in flight: the servers against the model, the caches against the servers.
  void Compare(RunContext& run);
  bool Probe(size_t server, size_t db, uint32_t mask, RunContext& run);

  CoreSubject core_;
  ServerSubject* subject_;
  invalidation::RunSettings settings_;
  bool selected_ = false;  // another database than the first was used
  invalidation::Clients clients_;
  cache::Cache shared_;
  Scheduler scheduler_;
  Network network_{&scheduler_};
  invalidation::RunNotes notes_;
  invalidation::TrackedServers servers_;
  invalidation::ServerModel model_{&settings_, &servers_, &network_};
  invalidation::ClientWires wires_{&network_, &servers_};
  invalidation::PushBook pushes_{&settings_, &servers_, &wires_, &model_};
  invalidation::EntryChecker entries_{&settings_, &clients_, &wires_, &servers_, &pushes_};
  invalidation::ReadChecker reads_{&settings_, &clients_, &wires_, &servers_, &entries_};
  invalidation::ClientTraffic traffic_{&settings_, &clients_, &wires_, &servers_, &model_,
                                       &pushes_,   &entries_, &reads_, &notes_};
  invalidation::SlotProbe probe_;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_INVALIDATION_INVALIDATION_WORLD_H_
