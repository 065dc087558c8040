#include "worlds/invalidation/server_model.h"

#include <string>

#include "worlds/invalidation/invalidation_names.h"

namespace resprobe::invalidation {

void ServerModel::Start(RunContext& run) {
  version_ = 1;
  flushes_ = 0;
  may_vanish_ = false;
  time_passes_ = false;
  // A run that ended with a violation leaves data in it.
  stream_.End();
  if ((*servers_)[1].up) FollowPrimary(run);
}

// --- The primary.

void ServerModel::SeeVanished(RunContext& run) {
  Server* core = servers_->primary().subject->core();
  if (may_vanish_ && core != nullptr) SeeVanishedFrom(*core, run);
  if (stream_.open()) TakeUnseen(run);
}

void ServerModel::SeeVanishedFrom(const Server& core, RunContext& run) {
  for (size_t db = 0; db < kDatabases; ++db) {
    for (size_t slot = 0; slot < kStrings; ++slot) {
      const Truth& truth = servers_->primary().truth[db][slot];
      if (truth.value == 0 || !truth.may_expire) continue;
      if (core.keyspace().keys(static_cast<int>(db)).Contains(SlotKey(slot))) continue;
      Gone(db, slot, run);
    }
  }
}

void ServerModel::Invalidated(size_t slot, RunContext& run) {
  for (size_t db = 0; db < kDatabases && time_passes_; ++db) {
    const Truth& truth = servers_->primary().truth[db][slot];
    if (truth.value != 0 && truth.may_expire && servers_->primary().subject->core() == nullptr) {
      Gone(db, slot, run);
    }
  }
}

void ServerModel::Gone(size_t db, size_t slot, RunContext& run) {
  Change change;
  change.db = static_cast<uint8_t>(db);
  change.count = static_cast<uint8_t>(SlotsOfKey(slot));
  change.slots = {static_cast<uint8_t>(slot), static_cast<uint8_t>(slot + 1)};
  Changed(change, run);
}

// A replica hides a key as soon as it has expired, but its state changes only with its primary's
// DEL.
bool ServerModel::Observe(size_t server, size_t db, size_t slot, resp::ReplyView reply,
                          RunContext& run) {
  const Truth& truth = (*servers_)[server].truth[db][slot];
  const uint64_t value = ValueNumber(reply.is_null(), reply.text());
  const bool gone = value == 0 && truth.value != 0 && truth.may_expire;
  if (gone && server == servers_->first()) Gone(db, slot, run);
  return run.Check((value == truth.value || gone) && !reply.is_error(), "server_value",
                   [&] { return SlotName(slot) + " = " + DescribeValue(truth.value); },
                   [&] { return resp::ToText(reply); });
}

void ServerModel::RanWrite(Sent& sent, resp::ReplyView reply, RunContext& run) {
  if (sent.write == WriteKind::kPexpire && reply.integer() == 0) {
    sent.versions[0] = servers_->primary().truth[sent.db][sent.slots[0]].version;
    return;
  }
  Change change;
  change.db = sent.db;
  change.count = sent.count;
  change.slots = sent.slots;
  switch (sent.write) {
    case WriteKind::kSetPx:
      change.expire_at = servers_->now_ms() + sent.ms;
      change.values = sent.values;
      break;
    case WriteKind::kSet:
    case WriteKind::kHset:
    case WriteKind::kMset:
    case WriteKind::kExec:
      change.values = sent.values;
      break;
    case WriteKind::kDel:
    case WriteKind::kHdel:
    case WriteKind::kDelHash:
      break;
    case WriteKind::kPexpire:
      change.what = Change::What::kExpiry;
      change.expire_at = servers_->now_ms() + sent.ms;
      break;
    case WriteKind::kFlushAll:
      change.what = Change::What::kFlushAll;
      ++flushes_;
      break;
    case WriteKind::kFlushDb:
      change.what = Change::What::kFlushDb;
      ++flushes_;
      break;
  }
  Changed(change, run);
  for (size_t i = 0; i < sent.count; ++i) {
    sent.versions[i] = servers_->primary().truth[sent.db][sent.slots[i]].version;
  }
  if (sent.count == 0) sent.versions.fill(version_);
}

void ServerModel::Changed(Change& change, RunContext& run) {
  TruthModel& truth = servers_->primary().truth;
  if (!truth.Affects(change)) return;
  if (stream_.open() && !MatchStream(change, run)) return;
  change.version = ++version_;
  truth.Make(change);
  if (stream_.open()) Replicated(run);
}

// --- The stream to the replica.

// The replica has dialled its primary, which has no keys: both talk until the stream begins.
void ServerModel::BeginStream(RunContext& run) {
  run.Check(stream_.Begin(network_, &servers_->primary().node, &servers_->replica().node,
                          run.trace().on()),
            "server_value", "a replica that asks for the stream of its primary",
            [&] { return "no stream; the last words: " + stream_.unknown(); });
}

// The replica is told to follow its primary, and does so before the run begins.
void ServerModel::FollowPrimary(RunContext& run) {
  for (TrackedServer& server : *servers_) server.node.TakePartInReplication(true);
  static const std::string host = Node::AddressOf(0);
  static const std::string port = std::to_string(Node::kPort);
  if (!servers_->Command(servers_->replica(), {"REPLICAOF", host, port}, run)) return;
  BeginStream(run);
  if (run.violated()) return;
  while (stream_.Next() != nullptr) stream_.Name(version_);
  stream_.Deliver(SIZE_MAX, [](const Change&) {});
  stream_.DeliverToPrimary();
}

void ServerModel::ReadStream(RunContext& run) {
  if (!stream_.open()) return;
  run.Check(stream_.Read(), "framing", "a stream of the changes that clients have made",
            [&] { return "the primary replicates " + stream_.unknown(); });
}

// The next change in the stream is this one. Before it there may be deletions of which the world
// does not know: a key had expired, and a client overwrote it.
bool ServerModel::MatchStream(const Change& change, RunContext& run) {
  while (stream_.Next() != nullptr && !stream_.Next()->Is(change) && TakeDeletion(run)) {
  }
  const Change* const next = stream_.Next();
  return run.Check(next != nullptr && next->Is(change), "server_value",
                   "each change in the stream to the replica, in its order", [&] {
                     return next == nullptr ? "a change that the stream lacks" : "another change";
                   });
}

// Takes the next change of the stream, which no client has seen, if it is a deletion.
bool ServerModel::TakeDeletion(RunContext& run) {
  const Change& change = *stream_.Next();
  if (change.what != Change::What::kValues || change.values[0] != 0) return false;
  if (servers_->primary().truth.Affects(change)) {
    ++version_;
    Change made = change;
    made.version = version_;
    servers_->primary().truth.Make(made);
    Replicated(run);
  } else {
    stream_.Drop();
  }
  return true;
}

void ServerModel::TakeUnseen(RunContext& run) {
  while (stream_.Next() != nullptr && !run.violated()) {
    run.Check(TakeDeletion(run), "server_value", "a stream of the changes that clients have made",
              "a change that no client has made");
  }
}

// The next change in the stream is known now, and has the newest version.
void ServerModel::Replicated(RunContext& run) {
  run.trace().Line([&] { return "  primary replicates " + stream_.NextText(); });
  stream_.Name(version_);
}

size_t ServerModel::DeliverToReplica(size_t bytes, RunContext& run) {
  const size_t before = stream_.unmade();
  size_t made = 0;
  size_t swaps = 0;
  stream_.Deliver(bytes, [&](const Change& change) {
    servers_->replica().truth.Make(change);
    if (change.what == Change::What::kSwapDb) ++swaps;
    ++made;
  });
  run.trace().Line([&] {
    return "  replica makes " + std::to_string(made) + " of " + std::to_string(before) + " changes";
  });
  return swaps;
}

void ServerModel::Restarted(RunContext& run) {
  if (stream_.open()) {
    // What was in flight to the replica is lost. It sees the end, and dials again.
    network_->Incoming(stream_.end()).Lose();
    servers_->replica().node.Close(stream_.end());
    BeginStream(run);
    if (run.violated()) return;
  }
  Change change;
  change.what = Change::What::kFlushAll;
  Changed(change, run);
}

bool ServerModel::FailOver(RunContext& run) {
  if (!servers_->Command(servers_->replica(), {"REPLICAOF", "NO", "ONE"}, run)) {
    servers_->primary().up = false;
    return false;
  }
  servers_->replica().node.Close(stream_.end());
  stream_.End();
  servers_->ReplacePrimary();
  return true;
}

}  // namespace resprobe::invalidation
