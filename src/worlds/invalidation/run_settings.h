#ifndef RESPROBE_WORLDS_INVALIDATION_RUN_SETTINGS_H_
#define RESPROBE_WORLDS_INVALIDATION_RUN_SETTINGS_H_

#include <cstddef>

#include "core/cache/policy.h"
#include "worlds/invalidation/invalidation_ops.h"

namespace resprobe::invalidation {

// How a run is set up: its configuration, as far as the servers and clients allow it, and what
// follows from it. Constant during a run; all parts of the world read it.
struct RunSettings {
  Config config;
  cache::Policy policy;  // the precautions that all clients lack; `config` adds to them
  Scope scope = Scope::kAll;
  size_t clients = 1;

  bool two_wires() const { return config.wires != cache::Wires::kOne; }
  // The connections of each client.
  size_t wires() const { return two_wires() ? 2 : 1; }
  // The one on which invalidations arrive.
  size_t push_wire() const { return two_wires() ? 1 : 0; }
  bool strings_only() const { return scope == Scope::kStrings; }
  size_t slots() const { return strings_only() ? kStrings : kSlots; }
  bool noloop() const { return config.noloop || policy.noloop; }
  bool replays() const { return config.replay || policy.replay_reads; }
  // All clients have the same cache.
  bool one_cache() const { return config.shared && policy.one_cache; }
};

}  // namespace resprobe::invalidation

#endif  // RESPROBE_WORLDS_INVALIDATION_RUN_SETTINGS_H_
