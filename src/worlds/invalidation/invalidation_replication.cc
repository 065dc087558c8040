// The replica of the world `invalidation`, and the failover.

#include "core/server/server.h"
#include "worlds/invalidation/invalidation_names.h"
#include "worlds/invalidation/invalidation_world.h"

namespace resprobe {

// Sends one command to a server over a connection of its own; it must succeed.
bool InvalidationWorld::Command(TrackedNode& node, std::string_view command, RunContext& run) {
  ServerSubject& subject = *node.subject;
  const uint64_t admin = subject.Connect();
  subject.Send(admin, command);
  scratch_.clear();
  subject.Receive(admin, &scratch_);
  subject.Close(admin);
  return run.Check(
      scratch_ == "+OK\r\n", "server_value",
      [&] { return "success of " + std::string(command.substr(0, command.size() - 2)); },
      [&] { return scratch_; });
}

// The replica has dialled its primary, which has no keys: both talk until the stream begins.
void InvalidationWorld::BeginStream(RunContext& run) {
  run.Check(stream_.Begin(&network_, &primary().node, &replica().node, run.trace().on()),
            "server_value", "a replica that asks for the stream of its primary",
            [&] { return "no stream; the last words: " + stream_.unknown(); });
}

// The replica is told to follow its primary, and does so before the run begins.
void InvalidationWorld::FollowPrimary(RunContext& run) {
  for (TrackedNode& node : nodes_) node.node.TakePartInReplication(true);
  static const std::string command =
      "REPLICAOF " + Node::AddressOf(0) + " " + std::to_string(Node::kPort) + "\r\n";
  if (!Command(replica(), command, run)) return;
  BeginStream(run);
  if (run.violated()) return;
  while (stream_.Next() != nullptr) stream_.Name(version_);
  stream_.Deliver(SIZE_MAX, [](const Change&) {});
  stream_.DeliverToPrimary();
}

// Reads what the primary has sent to the replica. Before the replies to its clients: these tell
// which changes they have made, the stream tells in which order.
void InvalidationWorld::ReadStream(RunContext& run) {
  if (!stream_.open()) return;
  run.Check(stream_.Read(), "framing", "a stream of the changes that clients have made",
            [&] { return "the primary replicates " + stream_.unknown(); });
}

// The next change in the stream is this one. Before it there may be deletions of which the world
// does not know: a key had expired, and a client overwrote it.
bool InvalidationWorld::MatchStream(const Change& change, RunContext& run) {
  while (stream_.Next() != nullptr && !stream_.Next()->Is(change) && TakeDeletion(run)) {
  }
  const Change* const next = stream_.Next();
  return run.Check(next != nullptr && next->Is(change), "server_value",
                   "each change in the stream to the replica, in its order", [&] {
                     return next == nullptr ? "a change that the stream lacks" : "another change";
                   });
}

// Takes the next change of the stream, which no client has seen, if it is a deletion.
bool InvalidationWorld::TakeDeletion(RunContext& run) {
  const Change& change = *stream_.Next();
  if (change.what != Change::What::kValues || change.values[0] != 0) return false;
  if (primary().truth.Affects(change)) {
    ++version_;
    Change made = change;
    made.version = version_;
    primary().truth.Make(made);
    Replicated(run);
  } else {
    stream_.Drop();
  }
  return true;
}

// What is left of the stream after a turn of the primary: it has deleted keys by itself.
void InvalidationWorld::TakeUnseen(RunContext& run) {
  while (stream_.Next() != nullptr && !run.violated()) {
    run.Check(TakeDeletion(run), "server_value", "a stream of the changes that clients have made",
              "a change that no client has made");
  }
}

// The next change in the stream is known now, and has the newest version.
void InvalidationWorld::Replicated(RunContext& run) {
  if (run.trace().on()) [[unlikely]] {
    run.trace().Line("  primary replicates " + stream_.NextText());
  }
  stream_.Name(version_);
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
  if (!Command(replica(), "REPLICAOF NO ONE\r\n", run)) return;
  replica().node.Close(stream_.end());
  stream_.End();
  primary_ = 1 - primary_;
  LoseWrites();
  CollectAll(run);
}

// The new primary is not bound by what the old one has sent or acknowledged. From now on it is
// bound by its own replies.
void InvalidationWorld::LoseWrites() {
  sessions_.Limit(primary().truth);
  for (size_t i = 0; i < client_count_; ++i) clients_[i].requests.ForgetWrites();
}

}  // namespace resprobe
