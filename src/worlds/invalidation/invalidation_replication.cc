// The stream from the primary to its replica in the world `invalidation`, and the failover.

#include <charconv>

#include "core/resp/writer.h"
#include "core/server/server.h"
#include "worlds/invalidation/invalidation_names.h"
#include "worlds/invalidation/invalidation_world.h"

namespace resprobe {

// A new one, for a replica that holds what its primary holds.
void InvalidationWorld::BeginStream() {
  EndStream();
  stream_.connection = replica_->ConnectPrimary();
}

// What has not arrived never will.
void InvalidationWorld::EndStream() {
  stream_.connection = 0;
  stream_.db = 0;
  stream_.link.Reset();
  stream_.changes.clear();
  stream_.next = 0;
}

// As a primary sends it (redis 7.0 server.c propagateNow): the write command, with a time to live
// as a point in time, and DEL for what it has deleted by itself.
void InvalidationWorld::PutOnStream(Change change, RunContext& run) {
  scratch_.clear();
  const bool one_db =
      change.what != Change::What::kFlushAll && change.what != Change::What::kSwapDb;
  if (one_db && stream_.db != change.db) {
    stream_.db = change.db;
    const std::string_view select[] = {"SELECT", change.db == 0 ? "0" : "1"};
    resp::AppendRequest(&scratch_, select);
  }
  char digits[24];
  const std::string_view at(
      digits, static_cast<size_t>(
                  std::to_chars(digits, digits + sizeof(digits), change.expire_at).ptr - digits));
  const ValueText values[] = {ValueText(change.values[0]), ValueText(change.values[1])};
  const std::string_view key = SlotKey(change.slots[0]);
  std::array<std::string_view, 5> words;
  size_t count = 0;
  const auto say = [&](auto... word) { ((words[count++] = word), ...); };
  switch (change.what) {
    case Change::What::kValues: {
      const bool field = change.slots[0] >= invalidation::kStrings && change.count == 1;
      if (change.values[0] == 0 && field) {
        say("HDEL", key, SlotField(change.slots[0]));
      } else if (change.values[0] == 0) {
        say("DEL", key);
      } else if (field) {
        say("HSET", key, SlotField(change.slots[0]), values[0].view());
      } else if (change.count == 2) {
        say("MSET", key, values[0].view(), SlotKey(change.slots[1]), values[1].view());
      } else if (change.expire_at != 0) {
        say("SET", key, values[0].view(), "PXAT", at);
      } else {
        say("SET", key, values[0].view());
      }
      break;
    }
    case Change::What::kExpiry:
      say("PEXPIREAT", key, at);
      break;
    case Change::What::kFlushAll:
      say("FLUSHALL");
      break;
    case Change::What::kFlushDb:
      say("FLUSHDB");
      break;
    case Change::What::kSwapDb:
      say("SWAPDB", "0", "1");
      break;
  }
  resp::AppendRequest(&scratch_, std::span(words).first(count));
  stream_.link.Put(scratch_);
  change.end = stream_.link.sent();
  stream_.changes.push_back(change);
  if (run.trace().on()) [[unlikely]] {
    std::string line = "  primary replicates";
    for (size_t i = 0; i < count; ++i) line.append(" ").append(words[i]);
    run.trace().Line(line);
  }
}

void InvalidationWorld::DeliverToReplica(size_t bytes, RunContext& run) {
  if (stream_.connection == 0 || stream_.link.in_flight() == 0 || run.violated()) return;
  replica().subject->Send(stream_.connection, stream_.link.Take(bytes));
  const size_t before = stream_.next;
  while (stream_.next < stream_.changes.size() &&
         stream_.changes[stream_.next].end <= stream_.link.delivered()) {
    const Change& change = stream_.changes[stream_.next++];
    Make(change, replica().truth);
    if (change.what == Change::What::kSwapDb) TellOfSwap(1 - primary_);
  }
  if (run.trace().on()) [[unlikely]] {
    run.trace().Line("  replica makes " + std::to_string(stream_.next - before) + " of " +
                     std::to_string(stream_.changes.size() - before) + " changes");
  }
  if (stream_.next == stream_.changes.size()) {
    stream_.changes.clear();
    stream_.next = 0;
  }
  CollectAll(run);
}

// Servers say nothing of it, so whoever exchanges databases tells the clients of each server when
// it has come to pass there.
void InvalidationWorld::TellOfSwap(size_t node) {
  for (size_t i = 0; i < client_count_; ++i) {
    Client& client = clients_[i];
    if (Home(client) != node) continue;
    client.cache->Forget();
    ++client.epoch;
  }
}

void InvalidationWorld::Apply(const Replicate& op, RunContext& run) {
  DeliverToReplica(op.bytes.UpTo(stream_.link.in_flight()), run);
}

void InvalidationWorld::Apply(const Failover&, RunContext& run) {
  if (stream_.connection == 0) return;
  if (run.trace().on()) {
    run.trace().Line("  primary dies; the replica takes its place without " +
                     std::to_string(stream_.changes.size() - stream_.next) + " changes");
  }
  CutAll(primary_);
  primary().up = false;
  replica_->Close(stream_.connection);
  replica_->Promote();
  EndStream();
  primary_ = 1 - primary_;
  LoseWrites();
  CollectAll(run);
}

// Nobody can hold the new primary to what the old one has said or confirmed. What it says from now
// on binds it as before.
void InvalidationWorld::LoseWrites() {
  const auto no_newer = [&](auto& versions) {
    for (size_t db = 0; db < kDatabases; ++db) {
      for (size_t slot = 0; slot < kSlots; ++slot) {
        versions[db][slot] = std::min(versions[db][slot], primary().truth[db][slot].version);
      }
    }
  };
  for (size_t i = 0; i < client_count_; ++i) {
    Client& client = clients_[i];
    no_newer(sessions_[i].seen);
    no_newer(sessions_[i].written);
    no_newer(client.arrived);
    client.last_write = {};
    for (Asked& asked : client.asked) {
      asked.seen = asked.written = 0;
      asked.own_write = 0;
    }
  }
}

}  // namespace resprobe
