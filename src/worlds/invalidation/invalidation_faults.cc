// Faults of the clients and servers of the world `invalidation`, and what else happens without a
// client.

#include <algorithm>

#include "worlds/invalidation/invalidation_names.h"
#include "worlds/invalidation/invalidation_world.h"

namespace resprobe {

using invalidation::Change;
using invalidation::Wire;

void InvalidationWorld::Apply(const Deliver& op, RunContext& run) {
  Client& client = Of(op.client);
  const Wire& wire = WireOf(client, op.wire);
  if (op.direction != invalidation::Direction::kToClient) {
    traffic_.DeliverToServer(client, wire.index, op.bytes.UpTo(wires_.InFlight(wire, false)), run);
  }
  if (op.direction != invalidation::Direction::kToServer && !run.violated()) {
    traffic_.DeliverToClient(client, wire.index, op.bytes.UpTo(wires_.InFlight(wire, true)), run);
  }
}

void InvalidationWorld::Apply(const Disconnect& op, RunContext& run) {
  Client& client = Of(op.client);
  const Wire& wire = WireOf(client, op.wire);
  if (!wires_.Whole(wire)) return;
  if (op.seen == invalidation::Seen::kByClient) {
    traffic_.Close(client, wire.index, /*ghost=*/true, run);
    return;
  }
  const bool silent = op.seen == invalidation::Seen::kByServer;
  wires_.CloseServersEnd(wire, silent ? Network::Farewell::kNone : Network::Farewell::kFin);
  if (op.reset) wires_.LoseOutput(wire);
  traffic_.CollectAll(run);
}

void InvalidationWorld::Apply(const Restart&, RunContext& run) {
  wires_.Crash(servers_.first());
  servers_.RestartPrimary();
  run.trace().Line([&] { return "  " + servers_.Name(servers_.first()) + " starts again, empty"; });
  model_.Restarted(run);
}

void InvalidationWorld::Apply(const SwapDb&, RunContext& run) {
  if (settings_.strings_only()) return;
  selected_ = true;
  if (!servers_.Command(servers_.primary(), {"SWAPDB", "0", "1"}, run)) return;
  model_.ReadStream(run);
  Change change;
  change.what = Change::What::kSwapDb;
  model_.Changed(change, run);
  traffic_.TellOfSwap(servers_.first());
  traffic_.CollectAll(run);
}

void InvalidationWorld::Apply(const Advance& op, RunContext& run) {
  const auto ms = static_cast<uint64_t>(std::clamp<int64_t>(op.ms.value, 0, invalidation::kMaxMs));
  scheduler_.RunUntil(scheduler_.now_us() + static_cast<int64_t>(ms) * 1000);
  for (invalidation::TrackedServer& server : servers_) {
    if (server.up) server.node.Tick();
  }
  model_.DeliverToPrimary();
  model_.ReadStream(run);
  model_.set_time_passes(true);
  model_.SeeVanished(run);
  traffic_.CollectAll(run);
  model_.set_time_passes(false);
}

// Between two commands, as a server evicts in its timer, where it notifies all clients. Before a
// command it would skip a NOLOOP client that sent the command
// (docs/findings/redis-noloop-eviction.md).
void InvalidationWorld::Apply(const Evict& op, RunContext& run) {
  const size_t db = op.db.Of(settings_.strings_only() ? 1 : kDatabases);
  const std::string_view key = SlotKey(op.key.Of(settings_.slots()));
  if (!servers_.primary().subject->Evict(static_cast<int>(db), key)) return;
  run.trace().Line([&] {
    return "  " + servers_.Name(servers_.first()) + " evicts " + std::string(key) +
           (db == 0 ? "" : " of database 1");
  });
  model_.ReadStream(run);
  model_.Gone(db, SlotOfKey(key), run);
  traffic_.CollectAll(run);
}

void InvalidationWorld::Apply(const Replicate& op, RunContext& run) {
  traffic_.DeliverToReplica(op.bytes.UpTo(model_.stream().in_flight()), run);
}

void InvalidationWorld::Apply(const Failover&, RunContext& run) {
  if (!model_.stream().open()) return;
  run.trace().Line([&] {
    return "  primary dies; the replica takes its place without " +
           std::to_string(model_.stream().unmade()) + " changes";
  });
  wires_.Crash(servers_.first());
  if (!model_.FailOver(run)) return;
  // The new primary is not bound by what the old one has sent or acknowledged. From now on it is
  // bound by its own replies.
  reads_.Limit(servers_.primary().truth);
  for (Client& client : clients_) client.requests.ForgetWrites();
  traffic_.CollectAll(run);
}

}  // namespace resprobe
