#include "worlds/invalidation/entry_checker.h"

#include <algorithm>
#include <string>

#include "core/server/server.h"
#include "worlds/invalidation/invalidation_names.h"

namespace resprobe::invalidation {

void EntryChecker::CheckCoverage(RunContext& run) const {
  if (servers_->primary().subject->core() == nullptr || run.violated()) return;
  for (size_t c = 0; c < (settings_->one_cache() ? 1 : settings_->clients); ++c) {
    const cache::Cache& cache = (*clients_)[c].cache->cache();
    CheckEntries(cache.keys, /*fields=*/false, held_[c], run);
    CheckEntries(cache.fields, /*fields=*/true, held_[c], run);
  }
}

inline void EntryChecker::CheckEntries(const Dict<cache::Entry>& entries, bool fields,
                                       const std::array<Held, kSlots>& held,
                                       RunContext& run) const {
  for (size_t i = 0; i < entries.size(); ++i) {
    if (!entries.at(i).value.valid) continue;
    const size_t slot = SlotOfEntry(entries.at(i).key, fields);
    if (slot < kSlots) CheckEntry(held[slot], slot, run);
  }
}

void EntryChecker::CheckEntry(const Held& held, size_t slot, RunContext& run) const {
  const Client& owner = (*clients_)[held.owner];
  for (size_t w = 0; w < settings_->wires(); ++w) {
    if (!wires_->Whole(wires_->Of(held.owner, w))) return;
  }
  if (owner.cache->state() != cache::CachingClient::State::kTracked) return;
  const bool tracked = Tracked(owner, SlotKey(slot));
  const Truth& truth = wires_->ServerOf(wires_->Of(held.owner, 0)).truth[held.db][slot];
  const bool current = held.version == truth.version;
  if (tracked && current) [[likely]]
    return;
  CheckAnnounced(held, slot, tracked, run);
}

// An entry that the server does not track, or that is not current.
void EntryChecker::CheckAnnounced(const Held& held, size_t slot, bool tracked,
                                  RunContext& run) const {
  const Client& owner = (*clients_)[held.owner];
  if (settings_->noloop() && NewerReplyOnItsWay(owner, slot, held)) return;
  const Truth& truth = wires_->ServerOf(wires_->Of(held.owner, 0)).truth[held.db][slot];
  run.Check(pushes_->OnItsWay(wires_->Of(held.owner, settings_->push_wire()), slot),
            "cached_implies_tracked",
            "tracked by the server and current, or its invalidation on the way", [&] {
              return owner.name() + " holds " + SlotName(slot) + " of version " +
                     std::to_string(held.version) +
                     (tracked ? ", now " + std::to_string(truth.version)
                              : std::string(", which the server forgot"));
            });
}

// With NOLOOP nothing is pushed when a client's own read finds the key expired
// (docs/findings/redis-noloop-expiry.md): only that read's reply informs the client. Others may
// have changed the key since, of which the server need not tell a client that it does not track.
bool EntryChecker::NewerReplyOnItsWay(const Client& client, size_t slot, const Held& held) const {
  return std::ranges::any_of(client.requests.asked(), [&](const Asked& asked) {
    return asked.read && !asked.done && asked.slot == slot && asked.sent != Asked::kNever &&
           client.requests[asked.sent].db == held.db &&
           client.requests[asked.sent].versions[asked.position] > held.version;
  });
}

bool EntryChecker::Tracked(const Client& client, std::string_view key) const {
  const Wire& wire = wires_->Of(client.number, 0);
  const Server& core = *wires_->ServerOf(wire).subject->core();
  const uint64_t id = wire.connection;
  if (settings_->config.mode != cache::Mode::kBroadcast) return core.Tracks(id, key);
  return std::ranges::any_of(core.prefix_table().prefixes(), [&](const auto& prefix) {
    return key.starts_with(prefix.text) && core.prefix_table().Listens(prefix.text, id);
  });
}

void EntryChecker::CheckTables(RunContext& run) const {
  if (!settings_->config.small_table) return;
  constexpr size_t kOfOneCommand = 2;
  for (const TrackedServer& server : *servers_) {
    const Server* core = server.up ? server.subject->core() : nullptr;
    if (core == nullptr) continue;
    const size_t most = core->tracking_table_max_keys() + kOfOneCommand;
    run.Check(
        core->tracking_table().size() <= most, "table_limit",
        [&] { return "at most " + std::to_string(most) + " keys"; },
        [&] { return std::to_string(core->tracking_table().size()) + " keys"; });
  }
}

EntryChecker::Slots EntryChecker::HeldSlots() const {
  Slots held{};
  for (const Client& client : *clients_) {
    const cache::Cache& cache = client.cache->cache();
    for (const auto* entries : {&cache.keys, &cache.fields}) {
      for (size_t e = 0; e < entries->size(); ++e) {
        const size_t slot = SlotOfEntry(entries->at(e).key, entries == &cache.fields);
        if (slot < kSlots) held[HeldBy(client.number, slot).db] |= 1U << slot;
      }
    }
  }
  return held;
}

void EntryChecker::CompareWithServer(const Client& client, RunContext& run) const {
  if (client.cache->state() != cache::CachingClient::State::kTracked) return;
  run.Check(client.cache->pending() == 0, "liveness", "no request pending", [&] {
    return client.name() + " waits for " + std::to_string(client.cache->pending());
  });
  for (const Asked& asked : client.requests.asked()) {
    run.Check(asked.done || !asked.read, "liveness", "every read done",
              [&] { return client.name() + " still reads " + SlotName(asked.slot); });
  }
  const TruthModel& truth = wires_->ServerOf(wires_->Of(client.number, 0)).truth;
  const cache::Cache& cache = client.cache->cache();
  for (const auto* entries : {&cache.keys, &cache.fields}) {
    for (size_t i = 0; i < entries->size() && !run.violated(); ++i) {
      const cache::Entry& entry = entries->at(i).value;
      const size_t slot = SlotOfEntry(entries->at(i).key, entries == &cache.fields);
      if (entry.owner != client.cache.get() || slot == kSlots) continue;
      if (!run.Check(entry.valid, "liveness", "no read pending",
                     [&] { return client.name() + " still waits for " + SlotName(slot); })) {
        return;
      }
      const uint64_t value = truth[HeldBy(client.number, slot).db][slot].value;
      run.Check(
          ValueNumber(entry.null, entry.value) == value, "no_stale_after_barrier",
          [&] { return SlotName(slot) + " = " + DescribeValue(value); },
          [&] { return client.name() + " holds " + (entry.null ? "nil" : entry.value); });
    }
  }
}

}  // namespace resprobe::invalidation
