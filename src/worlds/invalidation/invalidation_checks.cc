// The invariants of the world `invalidation`.

#include <algorithm>

#include "core/resp/reply.h"
#include "core/server/server.h"
#include "worlds/invalidation/invalidation_names.h"
#include "worlds/invalidation/invalidation_world.h"

namespace resprobe {

using invalidation::kStrings;

void InvalidationWorld::Completed(Client& client, RunContext& run) {
  using Kind = cache::CachingClient::Completion::Kind;
  for (const cache::CachingClient::Completion& done : client.cache->completions()) {
    Asked* const found = client.requests.Find(done.request);
    if (found == nullptr) continue;  // it was lost before it was recorded
    Asked& asked = *found;
    asked.done = true;
    if (done.kind != Kind::kReply || asked.sent == Asked::kNever) continue;
    const Sent& sent = client.requests[asked.sent];
    if (!done.is_read) {
      if (!nodes_[sent.node].up) continue;  // the write may be lost with its server
      for (size_t i = 0; i < sent.count; ++i) {
        sessions_.HasWritten(SessionOf(client), sent.db, sent.slots[i], sent.versions[i]);
      }
      continue;
    }
    const size_t slot = asked.slot;
    const size_t position = std::min<size_t>(asked.position, 1);
    if (run.trace().on()) [[unlikely]] {
      Note(run, client,
           "reads " + SlotName(slot) + " = " + (done.null ? "nil" : done.value) +
               (done.stored ? ", cached" : ""));
    }
    const bool own_reply = sent.versions[position] != 0 && sent.slots[position] == slot &&
                           ValueNumber(done.null, done.value) == sent.values[position];
    run.Check(
        own_reply, "framing",
        [&] {
          return "the reply that the server gave to request " + std::to_string(done.request) +
                 ": " + DescribeValue(sent.values[position]);
        },
        [&] { return Name(client) + " took " + (done.null ? "nil" : done.value); });
    const Held got = {sent.versions[position],
                      client.epoch,
                      now(),
                      static_cast<uint8_t>(Number(client)),
                      sent.db,
                      sent.node};
    if (done.stored) HeldBy(client, slot) = got;
    CheckRead(client, asked, got, /*hit=*/false, run);
  }
  client.cache->TakeCompletions();
  if (run.trace().on()) [[unlikely]]
    NoteEntries(run);
}

void InvalidationWorld::CheckRead(Client& client, const Asked& asked, const Held& got, bool hit,
                                  RunContext& run) {
  using Announced = SessionChecker::Read::Announced;
  SessionChecker::Read read;
  read.client = static_cast<uint8_t>(Number(client));
  read.session = static_cast<uint8_t>(SessionOf(client));
  read.db = hit ? client.db : got.db;
  read.slot = asked.slot;
  read.hit = hit;
  // A reply on one connection is not ordered with an invalidation on another.
  if (!hit && two_wires()) read.announced = Announced::kNone;
  if (hit && config_.shared) read.announced = Announced::kOfAllClients;
  read.version = got.version;
  read.seen = asked.seen;
  read.written = std::max(asked.written, client.requests.OwnWrite(asked));
  sessions_.Check(read, run);
  // The last state of a server that has died permanently does not bind another one.
  if (nodes_[got.node].up) sessions_.HasRead(read);
}

bool InvalidationWorld::OnItsWay(const Client& client, size_t slot) const {
  const Wire& wire = PushWire(client);
  return std::any_of(wire.pushes.begin() + static_cast<ptrdiff_t>(wire.next_push),
                     wire.pushes.end(), [&](const Push& push) {
                       return push.what == Push::What::kEverything ||
                              (push.what == Push::What::kSlot && push.slot == slot);
                     });
}

// With NOLOOP nothing is pushed when a client's own read finds the key expired
// (docs/findings/redis-noloop-expiry.md): only that read's reply informs the client.
bool InvalidationWorld::ReplyOnItsWay(const Client& client, size_t slot) const {
  return std::ranges::any_of(client.requests.asked(), [&](const Asked& asked) {
    return asked.read && !asked.done && asked.slot == slot && asked.sent != Asked::kNever &&
           client.requests[asked.sent].versions[asked.position] >=
               NodeOf(client.wires[0]).truth[client.requests[asked.sent].db][slot].version;
  });
}

bool InvalidationWorld::Tracked(const Client& client, std::string_view key) const {
  const Server& core = *NodeOf(client.wires[0]).subject->core();
  const uint64_t id = client.wires[0].connection;
  if (config_.mode != cache::Mode::kBroadcast) return core.Tracks(id, key);
  return std::ranges::any_of(core.prefix_table().prefixes(), [&](const auto& prefix) {
    return key.starts_with(prefix.text) && core.prefix_table().Listens(prefix.text, id);
  });
}

// Checks every entry of a client whose connections are open at both ends.
void InvalidationWorld::CheckCoverage(RunContext& run) {
  if (run.trace().on()) [[unlikely]]
    NoteEntries(run);
  if (primary().subject->core() == nullptr || run.violated()) return;
  const bool one = config_.shared && policy_.one_cache;
  for (size_t c = 0; c < (one ? 1 : client_count_); ++c) {
    const cache::Cache& cache = clients_[c].cache->cache();
    for (const auto* entries : {&cache.keys, &cache.fields}) {
      for (size_t i = 0; i < entries->size(); ++i) {
        if (!entries->at(i).value.valid) continue;
        const size_t slot = SlotOfEntry(entries->at(i).key, entries == &cache.fields);
        if (slot < kSlots) CheckEntry(held_[c][slot], slot, run);
      }
    }
  }
}

size_t InvalidationWorld::SlotOfEntry(std::string_view name, bool field) {
  if (!field) return SlotOfKey(name);
  const size_t first = SlotOfKey(cache::Cache::KeyOfField(name));
  return first == kSlots ? kSlots : first + FieldNumber(cache::Cache::FieldOf(name));
}

void InvalidationWorld::CheckEntry(const Held& held, size_t slot, RunContext& run) {
  const Client& owner = clients_[held.owner];
  for (size_t w = 0; w < (two_wires() ? 2 : 1); ++w) {
    if (!Whole(owner.wires[w])) return;
  }
  if (owner.cache->state() != cache::CachingClient::State::kTracked) return;
  const bool tracked = Tracked(owner, SlotKey(slot));
  const Truth& truth = NodeOf(owner.wires[0]).truth[held.db][slot];
  const bool current = held.version == truth.version;
  if (tracked && current) [[likely]]
    return;
  if ((config_.noloop || policy_.noloop) && ReplyOnItsWay(owner, slot)) return;
  run.Check(OnItsWay(owner, slot), "cached_implies_tracked",
            "tracked by the server and current, or its invalidation on the way", [&] {
              return Name(owner) + " holds " + SlotName(slot) + " of version " +
                     std::to_string(held.version) +
                     (tracked ? ", now " + std::to_string(truth.version)
                              : std::string(", which the server forgot"));
            });
}

void InvalidationWorld::CheckTable(RunContext& run) {
  if (!config_.small_table) return;
  constexpr size_t kOfOneCommand = 2;
  for (const TrackedNode& node : nodes_) {
    const Server* core = node.up ? node.subject->core() : nullptr;
    if (core == nullptr) continue;
    const size_t most = core->tracking_table_max_keys() + kOfOneCommand;
    run.Check(
        core->tracking_table().size() <= most, "table_limit",
        [&] { return "at most " + std::to_string(most) + " keys"; },
        [&] { return std::to_string(core->tracking_table().size()) + " keys"; });
  }
}

// --- With nothing in flight.

// The slots of which some cache holds an entry.
InvalidationWorld::Slots InvalidationWorld::HeldSlots() {
  Slots held{};
  for (size_t i = 0; i < client_count_; ++i) {
    const Client& client = clients_[i];
    const cache::Cache& cache = client.cache->cache();
    for (const auto* entries : {&cache.keys, &cache.fields}) {
      for (size_t e = 0; e < entries->size(); ++e) {
        const size_t slot = SlotOfEntry(entries->at(e).key, entries == &cache.fields);
        if (slot < kSlots) held[HeldBy(client, slot).db] |= 1U << slot;
      }
    }
  }
  return held;
}

// Compares the slots of `mask`, one bit each, with what the world knows.
bool InvalidationWorld::Probe(size_t node, size_t db, uint32_t mask, RunContext& run) {
  probe_.Ask(*nodes_[node].subject, db, mask, scope_);
  if (node == primary_) ReadStream(run);
  return probe_.Read(
      run, [&](size_t slot, resp::ReplyView value) { return Observe(node, db, slot, value, run); });
}

void InvalidationWorld::CompareWithServer(RunContext& run) {
  if (run.violated()) return;
  // If no cache holds a slot, no client can be wrong about it; only sometimes check that the server
  // is right.
  constexpr uint32_t kAllSlots = 4;
  Slots slots;
  slots.fill((1U << kSlots) - 1);
  if (!run.Makes(kAllSlots)) slots = HeldSlots();
  // The primary first, since it tells its replica what has expired.
  for (const size_t node : {primary_, 1 - primary_}) {
    if (!nodes_[node].up) continue;
    for (size_t db = 0; db < (selected_ ? kDatabases : 1); ++db) {
      if (slots[db] != 0 && !Probe(node, db, slots[db], run)) return;
    }
    if (stream_.open()) TakeUnseen(run);
    CollectAll(run);
    Drain(run);
  }
  for (size_t i = 0; i < client_count_ && !run.violated(); ++i) CompareEntries(clients_[i], run);
}

void InvalidationWorld::CompareEntries(Client& client, RunContext& run) {
  if (client.cache->state() != cache::CachingClient::State::kTracked) return;
  run.Check(client.cache->pending() == 0, "liveness", "no request pending",
            [&] { return Name(client) + " waits for " + std::to_string(client.cache->pending()); });
  for (const Asked& asked : client.requests.asked()) {
    run.Check(asked.done || !asked.read, "liveness", "every read done",
              [&] { return Name(client) + " still reads " + SlotName(asked.slot); });
  }
  const cache::Cache& cache = client.cache->cache();
  for (const auto* entries : {&cache.keys, &cache.fields}) {
    for (size_t i = 0; i < entries->size() && !run.violated(); ++i) {
      const cache::Entry& entry = entries->at(i).value;
      const size_t slot = SlotOfEntry(entries->at(i).key, entries == &cache.fields);
      if (entry.owner != client.cache.get() || slot == kSlots) continue;
      if (!run.Check(entry.valid, "liveness", "no read pending",
                     [&] { return Name(client) + " still waits for " + SlotName(slot); })) {
        return;
      }
      const uint64_t value = NodeOf(client.wires[0]).truth[HeldBy(client, slot).db][slot].value;
      run.Check(
          ValueNumber(entry.null, entry.value) == value, "no_stale_after_barrier",
          [&] { return SlotName(slot) + " = " + DescribeValue(value); },
          [&] { return Name(client) + " holds " + (entry.null ? "nil" : entry.value); });
    }
  }
}

}  // namespace resprobe
