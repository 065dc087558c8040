// What happens to the clients and servers of the world `invalidation`. Failovers:
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
    DeliverToServer(client, index, op.bytes.UpTo(wire.to_server.in_flight()), run);
  }
  if (op.direction != invalidation::Direction::kToServer && !run.violated()) {
    DeliverToClient(client, index, op.bytes.UpTo(wire.to_client.in_flight()), run);
  }
}

void InvalidationWorld::Apply(const Disconnect& op, RunContext& run) {
  Client& client = Of(op.client);
  const size_t index = op.wire.Of(two_wires() ? 2 : 1);
  Wire& wire = client.wires[index];
  if (wire.connection == 0 || wire.cut) return;
  if (op.seen == invalidation::Seen::kByClient) {
    // What it has sent may still arrive there; what it is sent is lost.
    NodeOf(wire).ghosts.push_back(wire.connection);
    wire.cut = true;
    SeeEnd(client, index, run);
    return;
  }
  NodeOf(wire).subject->Close(wire.connection);
  Cut(wire);
  wire.silent = op.seen == invalidation::Seen::kByServer;
  if (op.reset) {
    wire.to_client.Lose();
    wire.pushes.clear();
    wire.next_push = 0;
    wire.messages_on_way.clear();
  }
  CollectAll(run);
}

// The server's end of a connection is gone.
void InvalidationWorld::Cut(Wire& wire) {
  wire.cut = true;
  wire.to_server.Lose();
  wire.to_server.End();
  wire.to_client.End();
  wire.requests_on_way.clear();
}

void InvalidationWorld::CutAll(size_t node) {
  for (size_t i = 0; i < client_count_; ++i) {
    for (Wire& wire : clients_[i].wires) {
      if (wire.connection != 0 && !wire.cut && wire.node == node) Cut(wire);
    }
  }
  nodes_[node].ghosts.clear();
}

void InvalidationWorld::Apply(const Restart&, RunContext& run) {
  const uint64_t was = primary().subject->now_ms();
  CutAll(primary_);
  ResetNode(primary(), was);
  primary().run = ++runs_;
  if (run.trace().on()) run.trace().Line("  " + NodeName(primary_) + " starts again, empty");
  if (stream_.connection != 0) {
    replica().subject->Close(stream_.connection);
    BeginStream();
  }
  Change change;
  change.what = Change::What::kFlushAll;
  Changed(change, run);
}

void InvalidationWorld::Apply(const SwapDb&, RunContext& run) {
  if (strings_only()) return;
  selected_ = true;
  ServerSubject& subject = *primary().subject;
  const uint64_t admin = subject.Connect();
  subject.Send(admin, "SWAPDB 0 1\r\n");
  scratch_.clear();
  subject.Receive(admin, &scratch_);
  subject.Close(admin);
  if (!run.Check(scratch_ == "+OK\r\n", "server_value", "SWAPDB that succeeds",
                 [&] { return scratch_; })) {
    return;
  }
  Change change;
  change.what = Change::What::kSwapDb;
  Changed(change, run);
  TellOfSwap(primary_);
  CollectAll(run);
}

void InvalidationWorld::Apply(const Advance& op, RunContext& run) {
  const auto ms = static_cast<uint64_t>(std::clamp<int64_t>(op.ms.value, 0, invalidation::kMaxMs));
  for (Node& node : nodes_) {
    if (node.up) node.subject->Advance(ms);
  }
  time_passes_ = true;
  SeeVanished(run);
  CollectAll(run);
  time_passes_ = false;
}

// Between two commands, where a server evicts by its timer, and tells everybody. In front of a
// command it would leave out a NOLOOP client whose command that is
// (docs/findings/redis-noloop-eviction.md).
void InvalidationWorld::Apply(const Evict& op, RunContext& run) {
  const size_t db = op.db.Of(strings_only() ? 1 : kDatabases);
  const std::string_view key = SlotKey(op.key.Of(slots()));
  if (!primary().subject->Evict(static_cast<int>(db), key)) return;
  if (run.trace().on()) {
    run.trace().Line("  " + NodeName(primary_) + " evicts " + std::string(key) +
                     (db == 0 ? "" : " of database 1"));
  }
  Gone(db, SlotOfKey(key), run);
  CollectAll(run);
}

void InvalidationWorld::Apply(const Barrier&, RunContext& run) {
  Drain(run);
  CompareWithServer(run);
}

}  // namespace resprobe
