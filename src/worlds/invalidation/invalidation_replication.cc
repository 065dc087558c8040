// The replica of the world `invalidation`, and the failover.

#include "core/server/server.h"
#include "worlds/invalidation/invalidation_world.h"

namespace resprobe {

void InvalidationWorld::BeginReplication() {
  stream_.Begin(&network_, static_cast<Network::Endpoint>(primary_),
                static_cast<Network::Endpoint>(1 - primary_), replica_);
}

void InvalidationWorld::SendToReplica(const Change& change, RunContext& run) {
  const std::span<const std::string> words = stream_.Send(change);
  if (run.trace().on()) [[unlikely]] {
    std::string line = "  primary replicates";
    for (const std::string& word : words) line.append(" ").append(word);
    run.trace().Line(line);
  }
}

void InvalidationWorld::DeliverToReplica(size_t bytes, RunContext& run) {
  if (stream_.in_flight() == 0 || run.violated()) return;
  const size_t before = stream_.unmade();
  size_t made = 0;
  stream_.Deliver(bytes, [&](const Change& change) {
    replica().truth.Make(change);
    if (change.what == Change::What::kSwapDb) TellOfSwap(1 - primary_);
    ++made;
  });
  if (run.trace().on()) [[unlikely]] {
    run.trace().Line("  replica makes " + std::to_string(made) + " of " + std::to_string(before) +
                     " changes");
  }
  CollectAll(run);
}

// Servers send no notification of SWAPDB, so the program that swaps the databases notifies the
// clients of each server when the swap has happened there.
void InvalidationWorld::TellOfSwap(size_t node) {
  for (size_t i = 0; i < client_count_; ++i) {
    Client& client = clients_[i];
    if (Home(client) != node) continue;
    client.cache->Forget();
    ++client.epoch;
  }
}

void InvalidationWorld::Apply(const Replicate& op, RunContext& run) {
  DeliverToReplica(op.bytes.UpTo(stream_.in_flight()), run);
}

void InvalidationWorld::Apply(const Failover&, RunContext& run) {
  if (!stream_.open()) return;
  if (run.trace().on()) {
    run.trace().Line("  primary dies; the replica takes its place without " +
                     std::to_string(stream_.unmade()) + " changes");
  }
  CrashNode(primary_);
  primary().up = false;
  stream_.End();
  replica_->Promote();
  primary_ = 1 - primary_;
  LoseWrites();
  CollectAll(run);
}

// The new primary is not bound by what the old one has sent or acknowledged. From now on it is
// bound by its own replies.
void InvalidationWorld::LoseWrites() {
  const TruthModel& truth = primary().truth;
  for (size_t i = 0; i < client_count_; ++i) {
    Client& client = clients_[i];
    truth.Limit(&sessions_[i].seen);
    truth.Limit(&sessions_[i].written);
    truth.Limit(&client.arrived);
    client.last_write = {};
    for (Asked& asked : client.asked) {
      asked.seen = asked.written = 0;
      asked.own_write = 0;
    }
  }
}

}  // namespace resprobe
