// A run of the world `invalidation`, and the actions of its clients.

#include "worlds/invalidation/invalidation_world.h"

#include <algorithm>
#include <charconv>

#include "core/server/server.h"
#include "engine/fields.h"
#include "worlds/invalidation/invalidation_names.h"

namespace resprobe {
namespace {

constexpr size_t kSmallTable = 2;
constexpr std::string_view kPrefixes[] = {"k0", "k1", "h"};

std::unique_ptr<cache::CachingClient> CarefulClient() {
  return std::make_unique<cache::CachingClient>();
}

}  // namespace

InvalidationWorld::InvalidationWorld(ServerSubject* subject, const cache::Policy& policy,
                                     MakeClient make)
    : subject_(subject != nullptr ? subject : &core_), policy_(policy) {
  for (Client& client : clients_) client.cache = (make != nullptr ? make : CarefulClient)();
}

std::string InvalidationWorld::Name(const Client& client) const {
  return "client " + std::to_string(Number(client));
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
}

void InvalidationWorld::Generate(Gen& gen, Write& op) {
  VisitFields(op, gen);
  op.ms.value = gen.rng().OneIn(8) ? gen.rng().Between(-5, 0) : gen.rng().Between(1, 1500);
}

void InvalidationWorld::Generate(Gen& gen, Advance& op) {
  op.ms.value = gen.rng().Between(0, int64_t{1} << gen.rng().Below(12));
}

void InvalidationWorld::Start(const Config& config, RunContext& run) {
  config_ = config;
  if (strings_only()) {
    config_.mode = cache::Mode::kDefault;
    config_.wires = cache::Wires::kOne;
  }
  config_.small_table = config.small_table && !config.noloop && !policy_.noloop;
  client_count_ = 1 + config.clients.Of(kMaxClients);
  version_ = 1;
  StartNodes(run);
  messages_ = 0;
  time_passes_ = false;
  selected_ = false;
  may_vanish_ = false;
  slot_of_value_.clear();
  shared_.Reset();
  cache::Policy policy = policy_;
  policy.noloop = policy.noloop || config.noloop;
  policy.negative_caching = policy.negative_caching && !config.no_negative_caching;
  policy.mode = config_.mode;
  policy.wires = config_.wires;
  if (config.prefixes) policy.prefixes = kPrefixes;
  policy.replay_reads = policy.replay_reads || config.replay;
  if (config.ttl_cap) policy.ttl_cap_ms = invalidation::kTtlCapMs;
  if (config.lease) policy.lease_ms = invalidation::kLeaseMs;
  sessions_.Reset(client_count_);
  for (size_t i = 0; i < client_count_; ++i) {
    clients_[i].cache->Reset(policy);
    if (config.shared && policy_.one_cache) clients_[i].cache->Share(&shared_);
    ResetClient(clients_[i]);
    held_[i] = {};
  }
  // Connect only after resetting every client: delivering to one inspects all.
  for (size_t i = 0; i < client_count_; ++i) {
    for (size_t wire = two_wires() ? 2 : 1; wire-- > 0;) {
      Open(clients_[i], wire, run);
      DeliverToServer(clients_[i], wire, SIZE_MAX, run);
      DeliverToClient(clients_[i], wire, SIZE_MAX, run);
    }
    DeliverToServer(clients_[i], 0, SIZE_MAX, run);
    DeliverToClient(clients_[i], 0, SIZE_MAX, run);
  }
}

void InvalidationWorld::StartNodes(RunContext& run) {
  using invalidation::Replica;
  primary_ = 0;
  runs_ = 0;
  scheduler_.Reset();
  network_.Reset(nodes_.size() + kMaxClients);
  nodes_[0].subject = subject_;
  const bool wanted = config_.replica != Replica::kNone && !strings_only();
  nodes_[1].subject = replica_ = wanted ? subject_->replica() : nullptr;
  if (config_.shared && config_.replica == Replica::kReads) config_.replica = Replica::kStandby;
  for (TrackedNode& node : nodes_) {
    node.up = node.subject != nullptr;
    node.run = ++runs_;
    node.truth.Reset();
    node.ghosts.clear();
    if (!node.up) continue;
    node.node.Reset(&scheduler_, &network_, static_cast<Network::Endpoint>(&node - nodes_.data()),
                    node.subject);
    node.node.Start();
    ConfigureNode(node);
  }
  // A run that ended with a violation leaves data in it.
  stream_.End();
  if (nodes_[1].up) FollowPrimary(run);
}

// Configures a newly started process.
void InvalidationWorld::ConfigureNode(TrackedNode& node) {
  ServerSubject& subject = *node.subject;
  if (Server* core = subject.core(); core != nullptr && config_.small_table) {
    core->set_tracking_table_max_keys(kSmallTable);
  }
}

void InvalidationWorld::ResetClient(Client& client) {
  for (Wire& wire : client.wires) {
    wire.connection = 0;
    wire.heard_ms = 0;
  }
  client.requests.Reset();
  client.noted = "nothing";
  client.db = 0;
  client.epoch = 0;
  client.to_tell = {};
}

void InvalidationWorld::Open(Client& client, size_t index, RunContext& run) {
  Wire& wire = client.wires[index];
  wire.node = static_cast<uint8_t>(Home(client));
  wire.end = network_.Connect(static_cast<Network::Endpoint>(nodes_.size() + Number(client)),
                              static_cast<Network::Endpoint>(wire.node));
  NodeOf(wire).node.Accept(ServersEnd(wire));
  wire.connection = NodeOf(wire).node.ConnectionOf(ServersEnd(wire));
  wire.requests.Reset();
  wire.replies.Reset();
  wire.unanswered = 0;
  wire.pushes.clear();
  wire.next_push = 0;
  wire.requests_on_way.clear();
  wire.messages_on_way.clear();
  if (index == 0) {
    client.requests.Connected(wire.node);
    // With two connections, the server may not have seen the end of the previous one, and still
    // notifies the other.
    if (!two_wires()) client.to_tell.fill(0);
  }
  client.cache->OnConnected(static_cast<cache::Wire>(index), NodeOf(wire).run);
  Follow(client, run);
}

// --- What clients do.

void InvalidationWorld::Hit(Client& client, size_t slot, const cache::Entry& entry,
                            RunContext& run) {
  const Held& held = HeldBy(client, slot);
  const Client& owner = clients_[held.owner];
  if (run.trace().on()) {
    Note(run, client,
         "hits " + SlotName(slot) + " = " + (entry.null ? std::string("nil") : entry.value));
  }
  const auto hit = [&] { return Name(client) + " hit " + SlotName(slot); };
  const uint64_t number = ValueNumber(entry.null, entry.value);
  run.Check(
      number == 0 || (number <= slot_of_value_.size() && slot_of_value_[number - 1] == slot),
      "own_value", [&] { return "a value that was written to " + SlotName(slot); },
      [&] { return hit() + " and took " + entry.value; });
  run.Check(
      held.epoch == owner.epoch && held.db == client.db, "no_dead_epoch_hit",
      [&] {
        return "an entry stored in epoch " + std::to_string(owner.epoch) + " and database " +
               std::to_string(client.db);
      },
      [&] {
        return hit() + ", stored in epoch " + std::to_string(held.epoch) + " and database " +
               std::to_string(held.db);
      });
  const int64_t age = now() - held.stored_ms;
  run.Check(
      !config_.ttl_cap || age < invalidation::kTtlCapMs, "no_hit_past_deadline",
      [&] { return "an entry of less than " + std::to_string(invalidation::kTtlCapMs) + " ms"; },
      [&] { return hit() + ", stored " + std::to_string(age) + " ms ago"; });
  const int64_t silence = now() - PushWire(owner).heard_ms;
  run.Check(
      !config_.lease || silence < invalidation::kLeaseMs, "no_hit_past_deadline",
      [&] {
        return "a server heard of in the last " + std::to_string(invalidation::kLeaseMs) + " ms";
      },
      [&] { return hit() + ", after a silence of " + std::to_string(silence) + " ms"; });
  Asked asked;
  asked.slot = static_cast<uint8_t>(slot);
  sessions_.Remember(SessionOf(client), client.db, slot, &asked);
  asked.own_write = client.requests.last_write(client.db, slot);
  CheckRead(client, asked, held, /*hit=*/true, run);
}

void InvalidationWorld::Apply(const Read& op, RunContext& run) {
  Client& client = Of(op.client);
  const size_t slot = op.key.Of(slots());
  const std::string_view key = SlotKey(slot);
  if (op.how == invalidation::ReadHow::kUncached && slot < invalidation::kStrings) {
    const uint64_t number = client.cache->GetUncached(key);
    FollowRequests(client, 0, run);
    Remember(client, number, slot, 0, /*read=*/true);
  } else {
    const cache::CachingClient::Lookup lookup =
        slot < invalidation::kStrings ? client.cache->Get(key, now())
                                      : client.cache->GetField(key, SlotField(slot), now());
    if (lookup.hit != nullptr) {
      Hit(client, slot, *lookup.hit, run);
      return;
    }
    FollowRequests(client, 0, run);
    Remember(client, lookup.request, slot, 0, /*read=*/true);
  }
  Completed(client, run);
}

void InvalidationWorld::Apply(const ReadMany& op, RunContext& run) {
  if (strings_only()) return;
  Client& client = Of(op.client);
  const size_t slots[] = {op.key.Of(invalidation::kStrings), op.other.Of(invalidation::kStrings)};
  const std::string_view keys[] = {SlotKey(slots[0]), SlotKey(slots[1])};
  cache::CachingClient::Lookup found[2];
  const size_t count = slots[0] == slots[1] ? 1 : 2;
  client.cache->GetMany(std::span(keys).first(count), std::span(found).first(count), now());
  FollowRequests(client, 0, run);
  size_t position = 0;
  for (size_t i = 0; i < count; ++i) {
    if (found[i].hit != nullptr) {
      Hit(client, slots[i], *found[i].hit, run);
    } else {
      Remember(client, found[i].request, slots[i], position++, /*read=*/true);
    }
  }
  Completed(client, run);
}

void InvalidationWorld::Apply(const Write& op, RunContext& run) {
  if (strings_only() && op.kind > WriteKind::kFlushDb) return;
  Client& client = WriterFor(Of(op.client));
  const bool hash =
      op.kind == WriteKind::kHset || op.kind == WriteKind::kHdel || op.kind == WriteKind::kDelHash;
  const size_t strings = invalidation::kStrings;
  const size_t slot = hash ? strings + op.key.Of(kSlots - strings) : op.key.Of(strings);
  const size_t other = (slot + 1) % strings;  // of mset
  const auto new_value = [&](size_t of) {
    slot_of_value_.push_back(static_cast<uint8_t>(of));
    return slot_of_value_.size();
  };
  const ValueText value(new_value(slot));
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
  const ValueText other_value(op.kind == WriteKind::kMset ? new_value(other) : 1);
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
  const size_t before = client.requests.size();
  FollowRequests(client, 0, run);
  Remember(client, number, slot, 0, /*read=*/false);
  if (client.requests.size() > before) client.requests.NoteWrite();
  Completed(client, run);
}

void InvalidationWorld::Apply(const Select& op, RunContext& run) {
  Client& client = Of(op.client);
  if (config_.shared || strings_only()) return;
  client.db = static_cast<uint8_t>(op.db.Of(kDatabases));
  selected_ = true;
  client.cache->Select(client.db == 0 ? "0" : "1");
  ++client.epoch;
  FollowRequests(client, 0, run);
  Completed(client, run);
}

void InvalidationWorld::Apply(const Renew& op, RunContext& run) {
  if (strings_only()) return;
  Client& client = Of(op.client);
  client.cache->Renew();
  ++client.epoch;
  FollowRequests(client, 0, run);
}

void InvalidationWorld::Apply(const Ping& op, RunContext& run) {
  if (strings_only()) return;
  Client& client = Of(op.client);
  client.cache->Ping();
  FollowRequests(client, 0, run);
  client.requests.NumberOther();
  if (two_wires()) {
    client.cache->PingInvalidations();
    FollowRequests(client, 1, run);
  }
  Completed(client, run);
}

void InvalidationWorld::Apply(const Connect& op, RunContext& run) {
  Client& client = Of(op.client);
  for (size_t wire = 0; wire < (two_wires() ? 2 : 1); ++wire) {
    if (client.wires[wire].connection != 0) continue;
    if (run.trace().on()) Note(run, client, wire == 0 ? "connects" : "connects wire 1");
    Open(client, wire, run);
  }
}

void InvalidationWorld::Settle(RunContext& run) {
  Drain(run);
  CompareWithServer(run);
  if (run.trace().on()) {
    uint64_t all = 0;
    uint64_t needless = 0;
    for (size_t i = 0; i < client_count_; ++i) {
      all += clients_[i].cache->invalidations();
      needless += clients_[i].cache->needless_invalidations();
    }
    run.trace().Line("  " + std::to_string(all) + " invalidations, " + std::to_string(needless) +
                     " of what no cache held");
  }
  // Clear this run's state now, so that the next run depends on its own tape alone.
  for (const TrackedNode& node : nodes_) {
    if (node.subject != nullptr) node.subject->Reset();
  }
  for (size_t i = 0; i < client_count_; ++i) {
    clients_[i].cache->Reset(policy_);
    clients_[i].requests.Reset();
  }
  shared_.Reset();
}

// Writes the contents of the caches to the trace, if they have changed.
void InvalidationWorld::NoteEntries(RunContext& run) {
  for (size_t i = 0; i < client_count_; ++i) {
    Client& client = clients_[i];
    const cache::Cache& cache = client.cache->cache();
    std::string text;
    for (const auto* entries : {&cache.keys, &cache.fields}) {
      for (size_t e = 0; e < entries->size(); ++e) {
        const cache::Entry& entry = entries->at(e).value;
        const size_t slot = SlotOfEntry(entries->at(e).key, entries == &cache.fields);
        if (entry.owner != client.cache.get() || slot == kSlots) continue;
        text += (text.empty() ? "" : ", ") + SlotName(slot) + " " +
                (entry.valid      ? (entry.null ? "nil" : entry.value)
                 : entry.poisoned ? "poisoned"
                                  : "pending");
      }
    }
    if (text.empty()) text = "nothing";
    if (text == client.noted) continue;
    client.noted = text;
    Note(run, client, "holds " + text);
  }
}

std::string InvalidationWorld::NodeName(size_t node) const {
  if (replica_ == nullptr) return "server";
  if (node == 0) return "primary";
  return primary_ == 0 ? "replica" : "new primary";
}

void InvalidationWorld::Note(RunContext& run, const Client& client, std::string_view what) {
  run.trace().Line("  c" + std::to_string(Number(client)) + " " + std::string(what));
}

}  // namespace resprobe
