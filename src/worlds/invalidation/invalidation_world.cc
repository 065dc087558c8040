// A run of the world `invalidation`, and the actions of its clients.

#include "worlds/invalidation/invalidation_world.h"

#include <algorithm>
#include <charconv>

#include "engine/fields.h"
#include "worlds/invalidation/invalidation_names.h"

namespace resprobe {

using invalidation::RunNotes;
using invalidation::WriteKind;

namespace {

std::unique_ptr<cache::CachingClient> CarefulClient() {
  return std::make_unique<cache::CachingClient>();
}

}  // namespace

InvalidationWorld::InvalidationWorld(ServerSubject* subject, const cache::Policy& policy,
                                     MakeClient make)
    : subject_(subject != nullptr ? subject : &core_),
      clients_(make != nullptr ? make : CarefulClient) {
  settings_.policy = policy;
}

// Most runs focus on one or two of these.
void InvalidationWorld::Generate(Gen& gen, Config& config) {
  Rng& rng = gen.rng();
  config.clients.value = static_cast<uint8_t>(rng.Below(4));
  for (bool* rare :
       {&config.noloop, &config.ttl_cap, &config.no_negative_caching, &config.prefixes,
        &config.shared, &config.small_table, &config.output_limit, &config.lease, &config.replay}) {
    *rare = rng.OneIn(4);
  }
  if (rng.OneIn(2)) gen("mode", config.mode);
  if (rng.OneIn(2)) gen("wires", config.wires);
  if (rng.OneIn(3)) gen("replica", config.replica);
  if (config.prefixes && rng.OneIn(2)) gen("prefix_sets", config.prefix_sets);
}

void InvalidationWorld::Generate(Gen& gen, Write& op) {
  VisitFields(op, gen);
  op.ms.value = gen.rng().OneIn(8) ? gen.rng().Between(-5, 0) : gen.rng().Between(1, 1500);
}

void InvalidationWorld::Generate(Gen& gen, Advance& op) {
  op.ms.value = gen.rng().Between(0, int64_t{1} << gen.rng().Below(12));
}

void InvalidationWorld::Start(const Config& config, RunContext& run) {
  settings_.config = config;
  if (settings_.strings_only()) {
    settings_.config.mode = cache::Mode::kDefault;
    settings_.config.wires = cache::Wires::kOne;
  }
  settings_.config.small_table = config.small_table && !settings_.noloop();
  settings_.clients = 1 + config.clients.Of(kMaxClients);
  selected_ = false;
  StartServers(run);
  StartClients();
  if (run.trace().on()) notes_.Reset();
  // Connect only after resetting every client: delivering to one inspects all.
  for (Client& client : clients_) {
    for (size_t wire = settings_.wires(); wire-- > 0;) {
      traffic_.Open(client, wire, run);
      traffic_.DeliverToServer(client, wire, SIZE_MAX, run);
      traffic_.DeliverToClient(client, wire, SIZE_MAX, run);
    }
    traffic_.DeliverToServer(client, 0, SIZE_MAX, run);
    traffic_.DeliverToClient(client, 0, SIZE_MAX, run);
  }
}

void InvalidationWorld::StartServers(RunContext& run) {
  using invalidation::Replica;
  scheduler_.Reset();
  network_.Reset(invalidation::TrackedServers::kCount + kMaxClients);
  Replica& wanted = settings_.config.replica;
  if (settings_.config.shared && wanted == Replica::kReads) wanted = Replica::kStandby;
  ServerSubject* const second =
      wanted != Replica::kNone && !settings_.strings_only() ? subject_->replica() : nullptr;
  servers_.Start(&scheduler_, &network_, subject_, second, settings_.config.small_table);
  model_.Start(run);
}

void InvalidationWorld::StartClients() {
  const Config& config = settings_.config;
  shared_.Reset();
  cache::Policy policy = settings_.policy;
  policy.noloop = settings_.noloop();
  policy.negative_caching = policy.negative_caching && !config.no_negative_caching;
  policy.mode = config.mode;
  policy.wires = config.wires;
  policy.replay_reads = settings_.replays();
  if (config.ttl_cap) policy.ttl_cap_ms = invalidation::kTtlCapMs;
  if (config.lease) policy.lease_ms = invalidation::kLeaseMs;
  clients_.Reset(settings_.clients);
  for (Client& client : clients_) {
    if (config.prefixes) policy.prefixes = settings_.PrefixesOf(client.number);
    client.cache->Reset(policy);
    if (settings_.one_cache()) client.cache->Share(&shared_);
  }
  wires_.Reset();
  pushes_.Reset();
  entries_.Reset();
  reads_.Reset();
}

// --- What clients do.

void InvalidationWorld::Apply(const Read& op, RunContext& run) {
  Client& client = Of(op.client);
  const size_t slot = op.key.Of(settings_.slots());
  const std::string_view key = SlotKey(slot);
  if (op.how == invalidation::ReadHow::kUncached && slot < invalidation::kStrings) {
    const uint64_t number = client.cache->GetUncached(key);
    traffic_.Send(client, 0, run);
    reads_.Asks(client, number, slot, 0, /*read=*/true);
  } else {
    const cache::CachingClient::Lookup lookup =
        slot < invalidation::kStrings
            ? client.cache->Get(key, servers_.now_ms())
            : client.cache->GetField(key, SlotField(slot), servers_.now_ms());
    if (lookup.hit != nullptr) {
      reads_.Hit(client, slot, *lookup.hit, run);
      return;
    }
    traffic_.Send(client, 0, run);
    reads_.Asks(client, lookup.request, slot, 0, /*read=*/true);
  }
  traffic_.TakeCompletions(client, run);
}

void InvalidationWorld::Apply(const ReadMany& op, RunContext& run) {
  if (settings_.strings_only()) return;
  Client& client = Of(op.client);
  const size_t slots[] = {op.key.Of(invalidation::kStrings), op.other.Of(invalidation::kStrings)};
  const std::string_view keys[] = {SlotKey(slots[0]), SlotKey(slots[1])};
  cache::CachingClient::Lookup found[2];
  const size_t count = slots[0] == slots[1] ? 1 : 2;
  client.cache->GetMany(std::span(keys).first(count), std::span(found).first(count),
                        servers_.now_ms());
  traffic_.Send(client, 0, run);
  size_t position = 0;
  for (size_t i = 0; i < count; ++i) {
    if (found[i].hit != nullptr) {
      reads_.Hit(client, slots[i], *found[i].hit, run);
    } else {
      reads_.Asks(client, found[i].request, slots[i], position++, /*read=*/true);
    }
  }
  traffic_.TakeCompletions(client, run);
}

void InvalidationWorld::Apply(const Write& op, RunContext& run) {
  if (settings_.strings_only() && op.kind > WriteKind::kFlushDb) return;
  Client& client = WriterFor(Of(op.client));
  const bool hash =
      op.kind == WriteKind::kHset || op.kind == WriteKind::kHdel || op.kind == WriteKind::kDelHash;
  const size_t strings = invalidation::kStrings;
  const size_t slot = hash ? strings + op.key.Of(kSlots - strings) : op.key.Of(strings);
  const size_t other = (slot + 1) % strings;  // of mset
  const ValueText value(reads_.NewValue(slot));
  // SET … PX accepts only positive times.
  const int64_t ms = op.kind == WriteKind::kSetPx
                         ? std::clamp<int64_t>(op.ms.value, 1, invalidation::kMaxMs)
                         : std::clamp(op.ms.value, -invalidation::kMaxMs, invalidation::kMaxMs);
  char digits[24];
  const std::string_view ms_text(
      digits, static_cast<size_t>(std::to_chars(digits, digits + sizeof(digits), ms).ptr - digits));
  const std::string_view keys[] = {SlotKey(slot), SlotKey(other)};
  std::array<std::string_view, 5> words;
  size_t count = 0;
  const auto say = [&](auto... word) { ((words[count++] = word), ...); };
  size_t key_count = 1;
  bool all = false;
  const ValueText other_value(op.kind == WriteKind::kMset ? reads_.NewValue(other) : 1);
  switch (op.kind) {
    case WriteKind::kSet:
    case WriteKind::kExec:
      say("SET", keys[0], value.view());
      break;
    case WriteKind::kSetPx:
      say("SET", keys[0], value.view(), "PX", ms_text);
      break;
    case WriteKind::kDel:
    case WriteKind::kDelHash:
      say("DEL", keys[0]);
      break;
    case WriteKind::kPexpire:
      say("PEXPIRE", keys[0], ms_text);
      break;
    case WriteKind::kMset:
      say("MSET", keys[0], value.view(), keys[1], other_value.view());
      key_count = 2;
      break;
    case WriteKind::kFlushAll:
      say("FLUSHALL");
      all = true;
      break;
    case WriteKind::kFlushDb:
      say("FLUSHDB");
      all = true;
      break;
    case WriteKind::kHset:
      say("HSET", keys[0], SlotField(slot), value.view());
      break;
    case WriteKind::kHdel:
      say("HDEL", keys[0], SlotField(slot));
      break;
  }
  const auto named = std::span(keys).first(all ? 0 : key_count);
  const auto command = std::span(words).first(count);
  const uint64_t number = op.kind == WriteKind::kExec
                              ? client.cache->WriteInTransaction(named, command)
                              : client.cache->Write(named, command);
  const uint64_t before = client.requests.size();
  traffic_.Send(client, 0, run);
  reads_.Asks(client, number, slot, 0, /*read=*/false);
  if (client.requests.size() > before) client.requests.NoteWrite();
  traffic_.TakeCompletions(client, run);
}

void InvalidationWorld::Apply(const Select& op, RunContext& run) {
  Client& client = Of(op.client);
  if (settings_.config.shared || settings_.strings_only()) return;
  client.db = static_cast<uint8_t>(op.db.Of(kDatabases));
  selected_ = true;
  client.cache->Select(client.db == 0 ? "0" : "1");
  ++client.epoch;
  traffic_.Send(client, 0, run);
  traffic_.TakeCompletions(client, run);
}

void InvalidationWorld::Apply(const Renew& op, RunContext& run) {
  if (settings_.strings_only()) return;
  Client& client = Of(op.client);
  client.cache->Renew();
  ++client.epoch;
  traffic_.Send(client, 0, run);
}

void InvalidationWorld::Apply(const Ping& op, RunContext& run) {
  if (settings_.strings_only()) return;
  Client& client = Of(op.client);
  client.cache->Ping();
  traffic_.Send(client, 0, run);
  client.requests.NumberOther();
  if (settings_.two_wires()) {
    client.cache->PingInvalidations();
    traffic_.Send(client, 1, run);
  }
  traffic_.TakeCompletions(client, run);
}

void InvalidationWorld::Apply(const Connect& op, RunContext& run) {
  Client& client = Of(op.client);
  for (size_t wire = 0; wire < settings_.wires(); ++wire) {
    if (wires_.Of(client.number, wire).up()) continue;
    if (run.trace().on()) RunNotes::Does(run, client, wire == 0 ? "connects" : "connects wire 1");
    traffic_.Open(client, wire, run);
  }
}

// --- With nothing in flight.

void InvalidationWorld::Apply(const Barrier&, RunContext& run) {
  traffic_.Drain(run);
  Compare(run);
}

// Compares the slots of `mask`, one bit each, with the model.
bool InvalidationWorld::Probe(size_t server, size_t db, uint32_t mask, RunContext& run) {
  probe_.Ask(*servers_[server].subject, db, mask, settings_.scope);
  if (server == servers_.first()) model_.ReadStream(run);
  return probe_.Read(run, [&](size_t slot, resp::ReplyView value) {
    return model_.Observe(server, db, slot, value, run);
  });
}

void InvalidationWorld::Compare(RunContext& run) {
  if (run.violated()) return;
  // If no cache holds a slot, no client can be wrong about it; only sometimes check that the server
  // is right.
  constexpr uint32_t kAllSlots = 4;
  invalidation::EntryChecker::Slots slots;
  slots.fill((1U << kSlots) - 1);
  if (!run.Makes(kAllSlots)) slots = entries_.HeldSlots();
  // The primary first: reading there deletes expired keys, and the primary sends these deletions to
  // its replica.
  for (const size_t server : {servers_.first(), 1 - servers_.first()}) {
    if (!servers_[server].up) continue;
    for (size_t db = 0; db < (selected_ ? kDatabases : 1); ++db) {
      if (slots[db] != 0 && !Probe(server, db, slots[db], run)) return;
    }
    if (model_.stream().open()) model_.TakeUnseen(run);
    traffic_.CollectAll(run);
    traffic_.Drain(run);
  }
  for (const Client& client : clients_) {
    if (!run.violated()) entries_.CompareWithServer(client, run);
  }
}

void InvalidationWorld::Settle(RunContext& run) {
  traffic_.Drain(run);
  Compare(run);
  if (run.trace().on()) {
    uint64_t all = 0;
    uint64_t needless = 0;
    for (const Client& client : clients_) {
      all += client.cache->invalidations();
      needless += client.cache->needless_invalidations();
    }
    run.trace().Line("  " + std::to_string(all) + " invalidations, " + std::to_string(needless) +
                     " of what no cache held");
  }
  // Clear this run's state now, so that the next run depends on its own tape alone; Start() resets
  // the rest.
  servers_.Clear();
}

size_t InvalidationWorld::held() const {
  size_t held = 0;
  for (const Client& client : clients_) held += client.requests.held();
  return held;
}

uint64_t InvalidationWorld::sent() const {
  uint64_t sent = 0;
  for (const Client& client : clients_) sent += client.requests.size();
  return sent;
}

}  // namespace resprobe
