// What the servers of the world `invalidation` hold, as the world knows it.

#include "core/resp/reply.h"
#include "core/server/server.h"
#include "worlds/invalidation/invalidation_names.h"
#include "worlds/invalidation/invalidation_world.h"

namespace resprobe {

// Finds keys that the primary has deleted without a command, because they had expired. A replica
// deletes none.
void InvalidationWorld::SeeVanished(RunContext& run) {
  Server* core = primary().subject->core();
  if (may_vanish_ && core != nullptr) SeeVanishedFrom(*core, run);
  if (stream_.open()) TakeUnseen(run);
}

void InvalidationWorld::SeeVanishedFrom(const Server& core, RunContext& run) {
  for (size_t db = 0; db < kDatabases; ++db) {
    for (size_t slot = 0; slot < invalidation::kStrings; ++slot) {
      const Truth& truth = primary().truth[db][slot];
      if (truth.value == 0 || !truth.may_expire) continue;
      if (core.keyspace().keys(static_cast<int>(db)).Contains(SlotKey(slot))) continue;
      Gone(db, slot, run);
    }
  }
}

// The primary has deleted by itself the key whose first slot this is.
void InvalidationWorld::Gone(size_t db, size_t slot, RunContext& run) {
  Change change;
  change.db = static_cast<uint8_t>(db);
  change.count = static_cast<uint8_t>(SlotsOfKey(slot));
  change.slots = {static_cast<uint8_t>(slot), static_cast<uint8_t>(slot + 1)};
  Changed(change, run);
}

// A replica hides a key as soon as it has expired, but its state changes only with its primary's
// DEL.
bool InvalidationWorld::Observe(size_t node, size_t db, size_t slot, resp::ReplyView reply,
                                RunContext& run) {
  const Truth& truth = nodes_[node].truth[db][slot];
  const uint64_t value = ValueNumber(reply.is_null(), reply.text());
  const bool gone = value == 0 && truth.value != 0 && truth.may_expire;
  if (gone && node == primary_) Gone(db, slot, run);
  return run.Check((value == truth.value || gone) && !reply.is_error(), "server_value",
                   [&] { return SlotName(slot) + " = " + DescribeValue(truth.value); },
                   [&] { return resp::ToText(reply); });
}

void InvalidationWorld::Ran(Client& client, Sent& sent, resp::ReplyView reply, RunContext& run) {
  switch (sent.kind) {
    case Sent::Kind::kOther:
      return;
    case Sent::Kind::kRead:
    case Sent::Kind::kReadMany:
      for (size_t i = 0; i < sent.count; ++i) {
        const size_t slot = sent.slots[i];
        const bool many = sent.kind == Sent::Kind::kReadMany;
        if (many && !run.Check(reply.size() == sent.count, "framing", "a value for each key",
                               [&] { return resp::ToText(reply); })) {
          return;
        }
        const resp::ReplyView value = many ? reply[i] : reply;
        if (!Observe(sent.node, sent.db, slot, value, run)) return;
        sent.values[i] = ValueNumber(value.is_null(), value.text());
        sent.versions[i] = nodes_[sent.node].truth[sent.db][slot].version;
        if (!sent.tracked) continue;
        // If a read finds the key expired, the notification follows its reply, when the server
        // tracks the key again.
        uint8_t& to_tell = client.to_tell[SlotOfKey(SlotKey(slot))];
        to_tell = static_cast<uint8_t>(std::min(to_tell + 1, 2));
      }
      return;
    case Sent::Kind::kWrite:
    case Sent::Kind::kExec:
      break;
  }
  const bool exec = sent.kind == Sent::Kind::kExec;
  const bool good =
      exec ? reply.is_aggregate() && reply.size() == 1 && !reply[0].is_error() : !reply.is_error();
  if (!run.Check(good, "server_value", "a write that succeeds",
                 [&] { return "to " + Name(client) + ": " + resp::ToText(reply); })) {
    return;
  }
  if (sent.write == WriteKind::kPexpire && reply.integer() == 0) {
    sent.versions[0] = primary().truth[sent.db][sent.slots[0]].version;
    return;
  }
  RanWrite(sent, run);
}

void InvalidationWorld::RanWrite(Sent& sent, RunContext& run) {
  Change change;
  change.db = sent.db;
  change.count = sent.count;
  change.slots = sent.slots;
  switch (sent.write) {
    case WriteKind::kSetPx:
      change.expire_at = now() + sent.ms;
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
      change.expire_at = now() + sent.ms;
      break;
    case WriteKind::kFlushAll:
      change.what = Change::What::kFlushAll;
      break;
    case WriteKind::kFlushDb:
      change.what = Change::What::kFlushDb;
      break;
  }
  Changed(change, run);
  for (size_t i = 0; i < sent.count; ++i) {
    sent.versions[i] = primary().truth[sent.db][sent.slots[i]].version;
  }
  if (sent.count == 0) sent.versions.fill(version_);
}

// A change on the primary. If it has an effect, it is the next one in the stream to its replica.
void InvalidationWorld::Changed(Change change, RunContext& run) {
  TruthModel& truth = primary().truth;
  if (!truth.Affects(change)) return;
  if (stream_.open() && !MatchStream(change, run)) return;
  change.version = ++version_;
  truth.Make(change);
  if (stream_.open()) Replicated(run);
}

}  // namespace resprobe
