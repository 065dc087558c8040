// Faults of the clients and servers of the world `invalidation`. Failovers:
// invalidation_replication.cc.

#include <algorithm>

#include "worlds/invalidation/invalidation_names.h"
#include "worlds/invalidation/invalidation_world.h"

namespace resprobe {

void InvalidationWorld::Apply(const Deliver& op, RunContext& run) {
  Client& client = Of(op.client);
  const size_t index = op.wire.Of(two_wires() ? 2 : 1);
  Wire& wire = client.wires[index];
  if (op.direction != invalidation::Direction::kToClient) {
    DeliverToServer(client, index, op.bytes.UpTo(InFlight(wire, false)), run);
  }
  if (op.direction != invalidation::Direction::kToServer && !run.violated()) {
    DeliverToClient(client, index, op.bytes.UpTo(InFlight(wire, true)), run);
  }
}

void InvalidationWorld::Apply(const Disconnect& op, RunContext& run) {
  Client& client = Of(op.client);
  const size_t index = op.wire.Of(two_wires() ? 2 : 1);
  Wire& wire = client.wires[index];
  if (!Whole(wire)) return;
  if (op.seen == invalidation::Seen::kByClient) {
    // What the client has sent may still arrive; what is sent to it is lost.
    NodeOf(wire).ghosts.push_back(ServersEnd(wire));
    network_.Close(wire.end, Network::Farewell::kNone);
    SeeEnd(client, index, run);
    return;
  }
  const bool silent = op.seen == invalidation::Seen::kByServer;
  CloseServersEnd(wire, silent ? Network::Farewell::kNone : Network::Farewell::kFin);
  if (op.reset) {
    ToClient(wire).Lose();
    wire.pushes.clear();
    wire.next_push = 0;
    wire.messages_on_way.clear();
  }
  CollectAll(run);
}

// The server closes its end of a connection. What the client has sent to it is lost.
void InvalidationWorld::CloseServersEnd(Wire& wire, Network::Farewell farewell) {
  NodeOf(wire).node.Close(ServersEnd(wire), farewell);
  ToServer(wire).Lose();
  wire.requests_on_way.clear();
}

// The process dies, and what its clients have sent is lost.
void InvalidationWorld::CrashNode(size_t node) {
  for (size_t i = 0; i < client_count_; ++i) {
    for (Wire& wire : clients_[i].wires) {
      if (wire.node != node || !Whole(wire)) continue;
      ToServer(wire).Lose();
      wire.requests_on_way.clear();
    }
  }
  nodes_[node].node.Crash(CrashKind::kProcess);
  nodes_[node].ghosts.clear();
}

void InvalidationWorld::Apply(const Restart&, RunContext& run) {
  CrashNode(primary_);
  primary().node.Start();
  ConfigureNode(primary());
  primary().run = ++runs_;
  if (run.trace().on()) run.trace().Line("  " + NodeName(primary_) + " starts again, empty");
  if (stream_.open()) {
    // What was in flight to the replica is lost. It sees the end, and dials again.
    network_.Incoming(stream_.end()).Lose();
    replica().node.Close(stream_.end());
    BeginStream(run);
    if (run.violated()) return;
  }
  Change change;
  change.what = Change::What::kFlushAll;
  Changed(change, run);
}

void InvalidationWorld::Apply(const SwapDb&, RunContext& run) {
  if (strings_only()) return;
  selected_ = true;
  if (!Command(primary(), "SWAPDB 0 1\r\n", run)) return;
  ReadStream(run);
  Change change;
  change.what = Change::What::kSwapDb;
  Changed(change, run);
  TellOfSwap(primary_);
  CollectAll(run);
}

void InvalidationWorld::Apply(const Advance& op, RunContext& run) {
  const auto ms = static_cast<uint64_t>(std::clamp<int64_t>(op.ms.value, 0, invalidation::kMaxMs));
  scheduler_.RunUntil(scheduler_.now_us() + static_cast<int64_t>(ms) * 1000);
  for (TrackedNode& node : nodes_) {
    if (node.up) node.node.Tick();
  }
  if (stream_.open()) stream_.DeliverToPrimary();
  ReadStream(run);
  time_passes_ = true;
  SeeVanished(run);
  CollectAll(run);
  time_passes_ = false;
}

// Between two commands, as a server evicts in its timer, where it notifies all clients. Before a
// command it would skip a NOLOOP client that sent the command
// (docs/findings/redis-noloop-eviction.md).
void InvalidationWorld::Apply(const Evict& op, RunContext& run) {
  const size_t db = op.db.Of(strings_only() ? 1 : kDatabases);
  const std::string_view key = SlotKey(op.key.Of(slots()));
  if (!primary().subject->Evict(static_cast<int>(db), key)) return;
  if (run.trace().on()) {
    run.trace().Line("  " + NodeName(primary_) + " evicts " + std::string(key) +
                     (db == 0 ? "" : " of database 1"));
  }
  ReadStream(run);
  Gone(db, SlotOfKey(key), run);
  CollectAll(run);
}

void InvalidationWorld::Apply(const Barrier&, RunContext& run) {
  Drain(run);
  CompareWithServer(run);
}

}  // namespace resprobe
