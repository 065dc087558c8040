#ifndef RESPROBE_WORLDS_INVALIDATION_READ_CHECKER_H_
#define RESPROBE_WORLDS_INVALIDATION_READ_CHECKER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/cache/cache.h"
#include "engine/run_context.h"
#include "worlds/invalidation/client.h"
#include "worlds/invalidation/client_wires.h"
#include "worlds/invalidation/entry_checker.h"
#include "worlds/invalidation/run_settings.h"
#include "worlds/invalidation/session_checker.h"
#include "worlds/invalidation/tracked_servers.h"

namespace resprobe::invalidation {

// Checks what clients report to their users: each hit when it is served (own_value,
// no_dead_epoch_hit, no_hit_past_deadline), and each completed request against the reply that the
// server gave to it (framing); and passes both on to the checker of sessions. It owns that one, and
// knows which slot each value was written to.
class ReadChecker {
 public:
  // It knows the slots of that many values, the newest; older ones may be of any slot.
  static constexpr size_t kValues = size_t{1} << 16;

  ReadChecker(const RunSettings* settings, const Clients* clients, const ClientWires* wires,
              const TrackedServers* servers, EntryChecker* entries)
      : settings_(settings),
        clients_(clients),
        wires_(wires),
        servers_(servers),
        entries_(entries) {}

  // Starts a run.
  void Reset();

  // Allocates the number of a value that the caller writes to this slot.
  uint64_t NewValue(size_t slot) {
    if (slot_of_value_.size() < kValues) {
      slot_of_value_.push_back(static_cast<uint8_t>(slot));
    } else {
      slot_of_value_[values_ % kValues] = static_cast<uint8_t>(slot);
    }
    return ++values_;
  }
  // The client has given this number to the last request that it has sent.
  void Asks(Client& client, uint64_t number, size_t slot, size_t position, bool read) const;
  // Its cache has served this entry.
  void Hit(const Client& client, size_t slot, const cache::Entry& entry, RunContext& run);
  // Takes the requests that the client has completed.
  void Completed(Client& client, RunContext& run);
  // An invalidation of the slot, in all databases, has reached the client.
  void Arrived(size_t client, size_t slot, const std::array<uint64_t, kDatabases>& versions) {
    sessions_.Arrived(client, slot, versions);
  }
  // What clients have read and written of another server than this one is void.
  void Limit(const TruthModel& truth) { sessions_.Limit(truth); }

 private:
  void Check(const Client& client, const Asked& asked, const Held& got, bool hit, RunContext& run);
  // True if the value of this number was written to the slot, or is too old to know.
  bool WasFor(uint64_t number, size_t slot) const {
    if (number > values_) return false;
    return values_ - number >= kValues || slot_of_value_[(number - 1) % kValues] == slot;
  }
  // Clients that share a cache are one session.
  size_t SessionOf(const Client& client) const {
    return settings_->config.shared ? 0 : client.number;
  }

  const RunSettings* const settings_;
  const Clients* const clients_;
  const ClientWires* const wires_;
  const TrackedServers* const servers_;
  EntryChecker* const entries_;
  SessionChecker sessions_;
  std::vector<uint8_t> slot_of_value_;  // number n at (n - 1) % kValues
  uint64_t values_ = 0;
};

}  // namespace resprobe::invalidation

#endif  // RESPROBE_WORLDS_INVALIDATION_READ_CHECKER_H_
