#ifndef RESPROBE_WORLDS_INVALIDATION_ENTRY_CHECKER_H_
#define RESPROBE_WORLDS_INVALIDATION_ENTRY_CHECKER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/run_context.h"
#include "worlds/invalidation/client.h"
#include "worlds/invalidation/client_wires.h"
#include "worlds/invalidation/invalidation_ops.h"
#include "worlds/invalidation/push_book.h"
#include "worlds/invalidation/run_settings.h"
#include "worlds/invalidation/tracked_servers.h"

namespace resprobe::invalidation {

// What the world knows about an entry of a cache.
struct Held {
  uint64_t version = 0;
  uint64_t epoch = 0;  // of its owner
  int64_t stored_ms = 0;
  uint8_t owner = 0;
  uint8_t db = 0;
  uint8_t node = 0;  // its server
};

// Checks the entries that the caches hold: while bytes are in flight, that the server tracks each
// of them or that its invalidation is on the way (cached_implies_tracked); with nothing in flight,
// that each equals the server's value (no_stale_after_barrier) and that no read waits (liveness).
// Also the size of the servers' tracking tables (table_limit). It owns what is known about each
// entry, and changes nothing else.
class EntryChecker {
 public:
  // For each database its slots, one bit each.
  using Slots = std::array<uint32_t, kDatabases>;

  EntryChecker(const RunSettings* settings, const Clients* clients, const ClientWires* wires,
               const TrackedServers* servers, const PushBook* pushes)
      : settings_(settings), clients_(clients), wires_(wires), servers_(servers), pushes_(pushes) {}

  // Starts a run, with empty caches.
  void Reset() {
    for (size_t i = 0; i < settings_->clients; ++i) held_[i] = {};
  }

  // The entry of this slot in the client's cache.
  Held& HeldBy(size_t client, size_t slot) {
    return held_[settings_->one_cache() ? 0 : client][slot];
  }
  const Held& HeldBy(size_t client, size_t slot) const {
    return held_[settings_->one_cache() ? 0 : client][slot];
  }

  // Every entry of a client whose connections are open at both ends.
  void CheckCoverage(RunContext& run) const;
  // The tracking tables of servers that allow looking inside.
  void CheckTables(RunContext& run) const;
  // Every entry and every read of a client; nothing may be in flight.
  void CompareWithServer(const Client& client, RunContext& run) const;
  // The slots of which some cache holds an entry.
  Slots HeldSlots() const;

 private:
  void CheckEntries(const Dict<cache::Entry>& entries, bool fields,
                    const std::array<Held, kSlots>& held, RunContext& run) const;
  void CheckEntry(const Held& held, size_t slot, RunContext& run) const;
  [[gnu::noinline]] void CheckAnnounced(const Held& held, size_t slot, bool tracked,
                                        RunContext& run) const;
  bool NewerReplyOnItsWay(const Client& client, size_t slot, const Held& held) const;
  bool Tracked(const Client& client, std::string_view key) const;

  const RunSettings* const settings_;
  const Clients* const clients_;
  const ClientWires* const wires_;
  const TrackedServers* const servers_;
  const PushBook* const pushes_;
  std::array<std::array<Held, kSlots>, kMaxClients> held_;  // [cache]
};

}  // namespace resprobe::invalidation

#endif  // RESPROBE_WORLDS_INVALIDATION_ENTRY_CHECKER_H_
